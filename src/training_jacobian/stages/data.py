"""The data stage."""

from pathlib import Path

import numpy as np

from training_jacobian import data, raw, store
from training_jacobian.datasets import dataset
from training_jacobian.recipe import Recipe, parameters


def examples(chosen: dict[str, object], files: list[Path]) -> dict[str, np.ndarray]:
    """Both parts of a data set, from its parameters and its raw files, which are checked."""
    options = dict(chosen)
    known = dataset(str(options["name"])).RAW
    if not known:
        return data.split(**options)  # type: ignore[arg-type]
    checked = [raw.ready(path, each) for path, each in zip(files, known, strict=True)]
    return data.first(raw=checked, **options)  # type: ignore[arg-type]


def make_data(recipe: Recipe, files: list[Path], out: Path) -> None:
    """`data.h5`: inputs_train (n, d), inputs_test (m, d), labels_train (n,), labels_test (m,)."""
    made = examples(parameters(recipe)["data"], files)
    dtype = str(made["inputs_train"].dtype)
    store.write_recipe(out.parent, recipe, dtype)
    store.write_hdf5(out, made, recipe, dtype=dtype)
