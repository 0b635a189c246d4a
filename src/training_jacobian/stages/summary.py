"""The table of a paper's statements."""

import importlib
from pathlib import Path

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.figures.papers.statements import Tables, table


def make(recipe: Recipe, out: Path) -> None:
    """`summary.csv`: one row a statement, the paper's number, ours and the verdict."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for columns, folder in recipe["inputs"]:
        found.setdefault((columns["part"], columns["of"]), {})[Path(folder).parent.name] = Path(folder)
    parts: dict[str, list[Tables]] = {}
    for (part, _), by_stage in found.items():
        parts.setdefault(part, []).append(Tables(by_stage))
    store.write_recipe(out.parent, recipe, "float64")
    paper = importlib.import_module(f"training_jacobian.figures.papers.{recipe['parameters']['statements']}.statements")
    store.write_csv(out, table(paper.STATEMENTS, parts))
