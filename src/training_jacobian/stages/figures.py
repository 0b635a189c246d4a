"""Figures and tables, from the folders of the analyses that they show."""

import importlib
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.figures.frame import NOTE, UNIT


def note(marks: list[list[str]]) -> str:
    """What is to be said of runs, by what analyses tell of them in these folders."""
    said: dict[str, list[str]] = {}
    for run, folder in marks:
        columns = importlib.import_module(f"training_jacobian.analyses.{Path(folder).parent.name}.columns")
        if told := columns.mark(Path(folder)):
            said.setdefault(told, []).append(run)
    return "; ".join(f"{told}: {', '.join(runs)}" for told, runs in said.items())


def make(recipe: Recipe, out: list[Path]) -> None:
    """`<name>.csv`, the tables of all folders put together; if its kind is drawn, `<name>.pdf` and `<name>.png`."""
    parameters, tables = recipe["parameters"], []
    for columns, folder in recipe["inputs"]:
        table = pd.read_csv(store.check(Path(folder, parameters["file"])))
        for position, (name, value) in enumerate(columns.items()):
            table.insert(position, name, value)
        tables.append(table)
    table, plot = pd.concat(tables), None
    if "style" in parameters:
        figures = importlib.import_module(f"training_jacobian.analyses.{parameters['analysis']}.figures")
        plot = figures.PLOTS[parameters["kind"]]
        table = plot.select(table, parameters["options"])
    table = table.copy()
    if "index" in table:
        table["index"] = table["index"].astype("Int64")  # a direction without one leaves it empty
    table.attrs |= {UNIT: parameters.get("unit", ""), NOTE: note(parameters.get("marks", []))}
    store.write_recipe(out[0].parent, recipe, "float64")
    with ExitStack() as stack:
        targets = {path.suffix[1:]: stack.enter_context(store.artifact(path)) for path in out}
        table.to_csv(targets.pop("csv"), index=False, lineterminator="\n")
        if plot:
            plot.save(table, parameters["style"], targets)
