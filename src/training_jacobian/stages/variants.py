"""The data stage of a run whose labels or inputs are replaced."""

from pathlib import Path

from training_jacobian import data, store, variants
from training_jacobian.recipe import Recipe, parameters

VARIED = ("labels", "inputs", "variant_seed")


def make_data(recipe: Recipe, out: Path) -> None:
    """`data.h5` as of the data stage, after the variation."""
    chosen = parameters(recipe)["data"]
    examples = data.split(**{name: value for name, value in chosen.items() if name not in VARIED})
    examples = variants.vary(examples, **{name: chosen[name] for name in VARIED if name in chosen})
    dtype = str(examples["inputs_train"].dtype)
    store.write_recipe(out.parent, recipe, dtype)
    store.write_hdf5(out, examples, recipe, dtype=dtype)
