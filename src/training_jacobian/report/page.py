"""The page: contents, template, and the libraries that make it interactive, in one file."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from training_jacobian.artifacts.address import Recipe
from training_jacobian.report import chart, contents, explorer
from training_jacobian.report.scripts import scripts

LIMIT = 8_000_000  # bytes of a report: it is to be mailed
PICTURES = 4_000_000  # of these at most for the explorer
MARGIN = 50_000


def html(recipe: Recipe) -> str:
    """The report of a recipe, from the files that it names; the same text every time.

    It has at most LIMIT bytes: the largest figures are left out where they must, which it says, and of the explorer as
    many directions as then have room.
    """
    said, layouts = contents.of(recipe), recipe["parameters"]["explorer"]
    runs: dict[str, dict[str, Path]] = {}  # folders by run and stage
    for columns, folder in recipe["inputs"]:
        if "run" in columns:
            runs.setdefault(columns["run"], {})[Path(folder).parent.name] = Path(folder)
    template, fixed = _template(), {**scripts(), "chart": chart.spectrum()}
    least = PICTURES // 4 if runs else 0
    rest = len(template.render(**said, **fixed, explored=dict.fromkeys(runs)).encode())
    for each in sorted(said["drawn"], key=lambda each: -len(each.get("picture", ""))):
        if rest > LIMIT - least - MARGIN and each.get("picture"):
            rest -= len(each["picture"])
            each["picture"] = ""
    room = min(PICTURES, LIMIT - MARGIN - rest) // max(1, len(runs))
    tables = recipe["parameters"]["by_direction"]
    explored = {
        run: explorer.explored(
            folders["svd"] / "svd.h5",
            [folder / file for stage, folder in folders.items() for file in tables.get(stage, [])],
            layouts[run],
            room,
        )
        for run, folders in runs.items()
    }
    return template.render(**said, **fixed, explored=explored)


def _template() -> Any:
    loader = PackageLoader("training_jacobian.report", "")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # runs stay in their order
    return environment.get_template("page.html")
