"""The data stage."""

from pathlib import Path

from training_jacobian import data, store
from training_jacobian.recipe import Recipe, parameters


def make_data(recipe: Recipe, out: Path) -> None:
    """`data.h5`: inputs_train (n, d), inputs_test (m, d), labels_train (n,), labels_test (m,)."""
    examples = data.split(**parameters(recipe)["data"])
    dtype = str(examples["inputs_train"].dtype)
    store.write_recipe(out.parent, recipe, dtype)
    store.write_hdf5(out, examples, recipe, dtype=dtype)
