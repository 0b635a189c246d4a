"""The data stage."""

from pathlib import Path

import numpy as np

from training_jacobian.artifacts import raw, store
from training_jacobian.artifacts.address import Recipe, parameters
from training_jacobian.learning import split
from training_jacobian.learning.components import component


def examples(section: dict[str, object], files: list[Path]) -> dict[str, np.ndarray]:
    """Both parts of a data set, from its parameters and its raw files, which are checked."""
    options = dict(section)
    module = component("datasets", str(options["name"]))
    if hasattr(module, "examples"):  # both parts as they are
        made: dict[str, np.ndarray] = module.examples(options)
        return made
    known = module.RAW
    if not known:
        return split.split(**options)  # type: ignore[arg-type]
    checked = [raw.ready(path, each) for path, each in zip(files, known, strict=True)]
    return split.first(raw=checked, **options)  # type: ignore[arg-type]


def make(recipe: Recipe, files: list[Path], out: Path) -> None:
    """`data.h5`: inputs_train (n, d), inputs_test (m, d), labels_train (n,), labels_test (m,)."""
    write(recipe, examples(parameters(recipe)["data"], files), out)


def write(recipe: Recipe, made: dict[str, np.ndarray], out: Path) -> None:
    """Write both parts of a data set."""
    dtype = str(made["inputs_train"].dtype)
    store.write_recipe(out.parent, recipe, dtype)
    store.write_hdf5(out, made, recipe, dtype=dtype)
