"""The table of all runs."""

import importlib
from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe


def make(recipe: Recipe, out: list[Path]) -> None:
    """`runs.csv`, one row a run, from what analyses tell of it; `runs.json`, the same by run and quantity."""
    table = of_runs(recipe)
    store.write_recipe(out[0].parent, recipe, "float64")
    for path in out:
        if path.suffix == ".csv":
            store.write_csv(path, table)
        else:
            records = table.astype(object).where(table.notna(), None).to_dict("records")
            store.write_json(path, {row.pop("run"): row for row in records})


def of_runs(recipe: Recipe) -> pd.DataFrame:
    """One row a run."""
    rows: dict[str, dict[str, Any]] = {}
    for columns, folder in recipe["inputs"]:
        row = rows.setdefault(columns["run"], dict(columns))
        row |= told(Path(folder), recipe["parameters"]["settings"])
    return typed(list(rows.values()))


def told(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What the analysis, or the training, of a folder tells of its run; `settings` by section of params.yaml."""
    analysis = folder.parent.parent.name == "analyses"
    where = f"analyses.{folder.parent.name}.columns" if analysis else f"stages.of_{folder.parent.name}"
    made: dict[str, Any] = importlib.import_module(f"training_jacobian.{where}").columns(folder, settings)
    return made


def typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of rows; a count, or a verdict, that one of them lacks stays one."""
    table = pd.DataFrame(rows)
    for name in table:
        values = [row.get(name) for row in rows]
        for kind, whole in ((bool, "boolean"), (int, "Int64")):
            if all(type(value) in (kind, type(None)) for value in values):
                table[name] = table[name].astype(whole)
    return table
