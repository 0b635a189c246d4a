"""The table of all runs."""

from pathlib import Path

from training_jacobian import store, tables
from training_jacobian.recipe import Recipe


def make_table(recipe: Recipe, folders: list[Path], out: Path) -> None:
    """`runs.csv`: one row a run, from their spectrum folders."""
    spectra = {columns["run"]: folder for (columns, _), folder in zip(recipe["inputs"], folders, strict=True)}
    store.write_recipe(out.parent, recipe, "float64")
    store.write_csv(out, tables.runs(spectra))
