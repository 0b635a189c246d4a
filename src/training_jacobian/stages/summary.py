"""The table of the paper's statements."""

from pathlib import Path

from training_jacobian import statements, store
from training_jacobian.recipe import Recipe


def make_summary(recipe: Recipe, folders: list[Path], out: Path) -> None:
    """`summary.csv`: one row a statement, the paper's number, ours and the verdict."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for (columns, _), folder in zip(recipe["inputs"], folders, strict=True):
        found.setdefault((columns["part"], columns["of"]), {})[folder.parent.name] = folder
    parts: dict[str, list[statements.Tables]] = {}
    for (part, _), by_stage in found.items():
        parts.setdefault(part, []).append(statements.Tables(by_stage))
    store.write_recipe(out.parent, recipe, "float64")
    store.write_csv(out, statements.table(parts))
