"""The SVD stage."""

from pathlib import Path

from training_jacobian import store, svd
from training_jacobian.recipe import Recipe


def make_svd(recipe: Recipe, jacobian_file: Path, out: Path) -> None:
    """`svd.h5`: U (N, N), S (N,), Vt (N, N), residual ()."""
    J = store.read_hdf5(jacobian_file, recipe, "jacobian")["J"]
    store.write_recipe(out.parent, recipe, "float64")
    store.write_hdf5(out, svd.decompose(J), recipe, dtype="float64", dtype_of_J=str(J.dtype))
