"""Figures and tables, from the folders of the stages they show."""

import importlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian import store
from training_jacobian.kinds import KINDS
from training_jacobian.recipe import Recipe


def chosen(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The rows that the options of the figure leave."""
    if "exact_bulk" in table:
        table = table[table["exact_bulk"] == options.get("exact_bulk", "kept")]
    if "subspaces" in options:
        table = table[table["kind"].isin(options["subspaces"])]
    if "published" in options:
        table = pd.concat([table, pd.DataFrame({"run": "published", "operator": "J", **options["published"]})])
    return table.copy()


def make_figure(recipe: Recipe, folders: list[Path], out: list[Path]) -> None:
    """`<name>.csv`, the tables of all folders put together; if its kind is drawn, `<name>.pdf` and `<name>.png`."""
    parameters = recipe["parameters"]
    kind = KINDS[parameters["kind"]]
    tables = []
    for (columns, _), folder in zip(recipe["inputs"], folders, strict=True):
        table = pd.read_csv(store.check(folder / kind.file))
        for position, (name, value) in enumerate(columns.items()):
            table.insert(position, name, value)
        tables.append(table)
    table = chosen(pd.concat(tables), parameters["options"])
    if "index" in table:
        table["index"] = table["index"].astype("Int64")  # a direction without one leaves it empty
    store.write_recipe(out[0].parent, recipe, "float64")
    with ExitStack() as stack:
        targets = {path.suffix[1:]: stack.enter_context(store.artifact(path)) for path in out}
        table.to_csv(targets.pop("csv"), index=False, lineterminator="\n")
        if kind.module:
            from training_jacobian.plots import frame

            plots = importlib.import_module(f"training_jacobian.plots.{kind.module}").PLOTS
            frame.save(plots[parameters["kind"]], table, parameters["style"], targets)
