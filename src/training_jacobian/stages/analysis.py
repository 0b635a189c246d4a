"""Any analysis: it computes, and what it returns is written here."""

import importlib
import shutil
from pathlib import Path
from typing import Any

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.run import Run


def make(recipe: Recipe, out: Path) -> None:
    """The folder of an analysis, with the files that it declares.  Raises ValueError if it computes others."""
    name = recipe["stage"]
    compute = importlib.import_module(f"training_jacobian.analyses.{name}.compute").compute
    settings: dict[str, Any] = next(iter(recipe["parameters"].values()), {})
    run = Run(recipe, folder=out)
    of_group = [run, *(Run(other) for other in recipe["with"])] if "with" in recipe else run
    made: dict[str, Any] = compute(of_group, settings)
    declared = importlib.import_module(f"training_jacobian.analyses.{name}").ANALYSIS.files
    if set(made) != set(declared):
        raise ValueError(f"its `compute` makes {', '.join(made)}, and it declares {', '.join(declared)}; correct one")
    store.write_recipe(out, recipe, "float64")
    for file, content in made.items():
        write(out / file, content, recipe)
    for products in out.glob("products*"):
        shutil.rmtree(products, ignore_errors=True)


def write(path: Path, content: Any, recipe: Recipe) -> None:
    """A table, JSON, or arrays by name, as the file's name says."""
    if path.suffix == ".csv":
        store.write_csv(path, content)
    elif path.suffix == ".json":
        store.write_json(path, content)
    else:
        store.write_hdf5(path, content, recipe, dtype="float64")
