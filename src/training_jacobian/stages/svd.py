"""The SVD stage."""

from pathlib import Path

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.spectral import svd


def make(recipe: Recipe, out: Path) -> None:
    """`svd.h5`: U (N, N), S (N,), Vt (N, N), residual ()."""
    J = store.read_stage(recipe, "jacobian")["J"]
    store.write_recipe(out.parent, recipe, "float64")
    store.write_hdf5(out, svd.decompose(J), recipe, dtype="float64", dtype_of_J=str(J.dtype))
