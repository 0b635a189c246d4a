"""A figure of the table of runs."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.figures.scatter import PLOT
from training_jacobian.stages.table import of_runs


def make(recipe: Recipe, out: list[Path]) -> None:
    """`<name>.csv`, rows of the table of runs; and `<name>.pdf`, `<name>.png`."""
    parameters = recipe["parameters"]
    table = PLOT.select(of_runs(recipe), parameters["options"])
    table.attrs["options"] = parameters["options"]
    panels = table[parameters["options"]["panels"]].nunique(dropna=False) if "panels" in parameters["options"] else 1
    store.write_recipe(out[0].parent, recipe, "float64")
    with ExitStack() as stack:
        targets = {path.suffix[1:]: stack.enter_context(store.artifact(path)) for path in out}
        table.to_csv(targets.pop("csv"), index=False, lineterminator="\n")
        replace(PLOT, width=min(2, max(1, panels))).save(table, parameters["style"], targets)
