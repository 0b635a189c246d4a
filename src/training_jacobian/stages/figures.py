"""Figures and tables."""

import json
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from training_jacobian import figures, store, tables
from training_jacobian.recipe import Recipe


def make_figure(recipe: Recipe, folders: list[Path], out: list[Path]) -> None:
    """A figure (.pdf and .png) or the table of runs (.csv), from the spectrum folders of its runs in their order."""
    spectra = dict(zip([run for run, _ in recipe["spectra"]], folders, strict=True))
    store.write_recipe(out[0].parent, recipe, "float64")
    with ExitStack() as stack:
        partial = [stack.enter_context(store.whole(path)) for path in out]
        if recipe["parameters"]["kind"] == "table":
            tables.runs(spectra).to_csv(partial[0], index=False, lineterminator="\n")
        else:
            directions = {run: pd.read_csv(folder / "directions.csv") for run, folder in spectra.items()}
            exact = {run: json.loads((folder / "summary.json").read_text()) for run, folder in spectra.items()}
            predicted = {run: summary["exact_bulk_predicted"] for run, summary in exact.items()}
            formats = {path.suffix[1:]: target for path, target in zip(out, partial, strict=True)}
            figures.draw(recipe["parameters"]["kind"], directions, predicted, recipe["parameters"]["style"], formats)
