"""What the report is made of: the addresses of all figures and tables, what was asked, and what can be explored."""

import importlib
import json
import math
from inspect import cleandoc
from pathlib import Path
from typing import Any

from training_jacobian import report
from training_jacobian.artifacts.address import Recipe, path
from training_jacobian.artifacts.digest import code
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.sections import REPORT, SUMMARY, TABLE

BY_DIRECTION = {name: list(each.directions) for name, each in ANALYSES.items() if each.directions}
EXPLORED = ("svd", *BY_DIRECTION)  # of a run with a dense SVD, as far as they are computed
CAPTIONS = {
    TABLE: "All runs, one a row: how well they learnt, and what the analyses tell of their Jacobians.",
    SUMMARY: "What the papers state, what was found here, and whether they agree.",
    REPORT: "All of it as one page, with the direction explorer.",
}


def recipe(plan: Any) -> Recipe:
    """Recipe of the report of a Plan: it changes when a figure, a table, its own code or what it says does."""
    names = [name for name in plan.figures() if name != REPORT]
    explored = {run: made for run, made in plan.recipes.items() if "svd" in made}
    inputs: list[Any] = [[{"figure": name}, path(plan.figure(name))] for name in names]
    inputs += [[{"run": run}, path(made[each])] for run, made in explored.items() for each in EXPLORED if each in made]
    analyses, params = [name for name in ANALYSES if name in plan.by_key], plan.params
    shared, own = _asked({name: run.model_dump(mode="json") for name, run in params.runs.items()})
    settings = {name: params.settings(name).model_dump(mode="json") for name in analyses if params.settings(name)}
    roles = params.summary.parts if params.summary else {}
    parameters = {
        "name": REPORT,
        "source": plan.name,
        "up": "../../" if plan.study else "",
        "figures": {name: _figure(plan, name) for name in names},
        "analyses": {name: _told(name) for name in analyses},
        "shared": shared,
        "runs": own,
        "settings": list(_flat(settings).items()),
        "roles": [[part, list(runs)] for part, runs in roles.items()],
        "tolerance": _tolerance(params) if explored else None,
        "by_direction": BY_DIRECTION,
        "explorer": {run: _layout(params.runs[run]) for run in explored},
        "addresses": [
            [run, [[stage, path(made)] for stage, made in all_.items()]] for run, all_ in plan.recipes.items()
        ],
        "page": report.digest(),
    }
    return {"stage": "figures", "parameters": parameters, "code": code("stages.report"), "inputs": inputs}


def _tolerance(params: Any) -> float:
    """How far from 1 a singular value of the bulk may be."""
    told = (getattr(params.settings(name), "bulk_tolerance", None) for name in BY_DIRECTION)
    return next(float(each) for each in told if each is not None)


def files(plan: Any, made: Recipe) -> list[str]:
    """Paths of the files that the job of such a recipe reads."""
    suffixes = plan.figures()
    found = []
    for columns, folder in made["inputs"]:
        name = columns.get("figure")
        of_figure = [f"{name}{suffix}" for suffix in suffixes[name] if suffix != ".pdf"] if name else []
        found += [f"{folder}/{file}" for file in of_figure or catalog.files(Path(folder).parent.name)]
    return list(dict.fromkeys(found))


def caption(params: Any, name: str) -> str:
    """What a figure or table of these params shows and how to read it."""
    plot = params.figures.plots.get(name)
    if plot is None:
        return CAPTIONS[name]
    if plot.kind not in KINDS:
        return f"{plot.y} against {plot.x}, columns of the table of runs. Each point is a run."
    return KINDS[plot.kind][1].caption


def heading(params: Any, name: str) -> str:
    """The analysis that a figure or table shows; `runs` of what shows the table of runs."""
    plot = params.figures.plots.get(name)
    return name if plot is None else catalog.shown(plot.kind) or TABLE


def _figure(plan: Any, name: str) -> dict[str, Any]:
    """What is told of a figure or table."""
    params = plan.params
    plot = params.figures.plots.get(name)
    return {
        "suffixes": plan.figures()[name],
        "caption": caption(params, name),
        "heading": heading(params, name),
        "runs": list(dict.fromkeys(params.plotted(name))) if plot else [],
        "comparisons": list(getattr(plot, "comparisons", {})),
    }


def _told(analysis: str) -> str:
    """What an analysis is, in the first paragraph of its declaration."""
    module = importlib.import_module(f"training_jacobian.analyses.{analysis}")
    return cleandoc(module.__doc__ or "").split("\n\n")[0]


def _flat(tree: dict[str, Any], above: str = "") -> dict[str, str]:
    """Nested mappings as text by `section.key`, without options that are off."""
    made: dict[str, str] = {}
    for name, value in sorted(tree.items(), key=lambda item: item[0] not in ("name", "method")):
        if isinstance(value, dict):
            made |= _flat(value, f"{above}{name}.")
        elif value is not None:
            made[f"{above}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return made


def _asked(runs: dict[str, dict[str, Any]]) -> tuple[list[list[str]], list[Any]]:
    """Parameters that all runs share, as pairs; and of each run the others."""
    flat = {name: _flat(tree) for name, tree in runs.items()}
    first = next(iter(flat.values()))
    shared = {key: value for key, value in first.items() if all(each.get(key) == value for each in flat.values())}
    own = [[name, [[key, value] for key, value in each.items() if key not in shared]] for name, each in flat.items()]
    return [[key, value] for key, value in shared.items()], own


def _layout(run: Any) -> dict[str, Any]:
    """Parts of theta, and the first one that can be drawn as pictures: weights from each number of an input."""
    parts = {name: list(shape) for name, shape in run.shapes.items()}
    picture = getattr(run.data, "picture", None)
    seen = [name for name, shape in parts.items() if picture and len(shape) == 2 and shape[0] == math.prod(picture)]
    return {
        "parts": [[name, shape] for name, shape in parts.items()],
        "picture": list(picture or []),
        "first": seen[0] if seen else None,
    }
