"""The data stage of a run whose labels or inputs are replaced."""

from pathlib import Path

from training_jacobian import store, variants
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.data import examples

VARIED = ("labels", "inputs", "variant_seed")


def make_data(recipe: Recipe, files: list[Path], out: Path) -> None:
    """`data.h5` as of the data stage, after the variation."""
    chosen = parameters(recipe)["data"]
    made = examples({name: value for name, value in chosen.items() if name not in VARIED}, files)
    made = variants.vary(made, **{name: chosen[name] for name in VARIED if name in chosen})
    dtype = str(made["inputs_train"].dtype)
    store.write_recipe(out.parent, recipe, dtype)
    store.write_hdf5(out, made, recipe, dtype=dtype)
