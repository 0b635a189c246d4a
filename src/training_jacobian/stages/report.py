"""The report."""

from pathlib import Path

from training_jacobian import report
from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.artifacts.oserrors import AGAIN
from training_jacobian.report import page


def make(recipe: Recipe, out: Path) -> None:
    """`report.html`, which needs no other file.  Raises RuntimeError if its template is not that of the recipe."""
    if recipe["parameters"]["page"] != report.digest():
        raise RuntimeError(f"the report's template was edited after the workflow was started; {AGAIN}")
    store.write_recipe(out.parent, recipe, "float64")
    with store.artifact(out) as partial:
        partial.write_text(page.html(recipe), encoding="utf-8")
