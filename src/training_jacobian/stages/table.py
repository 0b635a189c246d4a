"""The table of all runs."""

from pathlib import Path

from training_jacobian import store, tables
from training_jacobian.recipe import Recipe


def make_table(recipe: Recipe, folders: list[Path], out: list[Path]) -> None:
    """`runs.csv`, one row a run, from folders of earlier stages; `runs.json`, the same by run and quantity."""
    by_run: dict[str, list[Path]] = {}
    for (columns, _), folder in zip(recipe["inputs"], folders, strict=True):
        by_run.setdefault(columns["run"], []).append(folder)
    table = tables.runs(by_run, recipe["parameters"]["thresholds"])
    store.write_recipe(out[0].parent, recipe, "float64")
    for path in out:
        if path.suffix == ".csv":
            store.write_csv(path, table)
        else:
            rows = table.astype(object).where(table.notna(), None).to_dict("records")
            store.write_json(path, {row.pop("run"): row for row in rows})
