"""What figures and tables are made of: files, rules, recipes."""

from pathlib import Path
from typing import Any

from training_jacobian.artifacts.address import Recipe, path
from training_jacobian.artifacts.digest import code
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.sections import REPORT, SUMMARY, TABLE, options

MARKING = [name for name, each in ANALYSES.items() if each.marks]
TELLING = ("train",)  # stages with columns in the table of runs
Shown = list[tuple[dict[str, Any], Recipe]]  # what a figure shows: columns that say what it is, and its recipe


def suffixes(params: Any) -> dict[str, list[str]]:
    """Suffixes of the files of each figure and table."""
    drawn = {
        name: [".csv", ".pdf", ".png"] if plot.kind not in KINDS or KINDS[plot.kind][1].drawn else [".csv"]
        for name, plot in params.figures.plots.items()
    }
    summary = {SUMMARY: [".csv"]} if params.summary else {}
    return {TABLE: [".csv", ".json"], **summary, **drawn, REPORT: [".html"]}


def shape(params: Any, name: str) -> str:
    """What a figure or table is made by: the rule of that name."""
    if name in (SUMMARY, REPORT):
        return name
    if name != TABLE and params.figures.plots[name].kind not in KINDS:
        return "scatter"
    return "runs" if name == TABLE else "figure" if ".pdf" in suffixes(params)[name] else "table"


def shown(plan: Any, name: str) -> Shown:
    """What a figure or table is made of."""
    if name == SUMMARY:
        return stated(plan)
    analysis = None if name == TABLE else catalog.shown(plan.params.figures.plots[name].kind)
    if analysis is None:
        runs = plan.recipes if name == TABLE else plan.params.plotted(name)
        made = {run: plan.recipes[run] for run in runs}
        return [(_said(plan, run), each[stage]) for run, each in made.items() for stage in telling(each)]
    if not ANALYSES[analysis].group:
        return [(_said(plan, run), plan.recipes[run][analysis]) for run in plan.params.plotted(name)]
    shown = []
    for _, label, runs in plan.groups(name):
        named = {"first": runs[0], "second": runs[1]} if ANALYSES[analysis].group == "pairs" else {}
        shown.append(({"comparison": label, **named}, plan.of_group(analysis, runs)))
    return shown


def _said(plan: Any, run: str) -> dict[str, Any]:
    """Columns that tell a run in tables: its name, and what was varied if it is of a sweep."""
    return {"run": run, **plan.params.varied(run)}


def telling(made: dict[str, Recipe]) -> list[str]:
    """Stages and analyses of a run with columns in the table of runs; each column stands once."""
    analyses = [name for name in made if name in ANALYSES and ANALYSES[name].columns is not None]
    told = {stage for name in analyses for stage in ANALYSES[name].tells}
    return [*(stage for stage in TELLING if stage not in told), *analyses]


def stated(plan: Any) -> Shown:
    """What the table of a paper's statements is made of: the analyses of each part, by run or by pair of runs."""
    summary = plan.params.summary
    shown = [
        ({"part": part, "of": run}, made)
        for part, runs in summary.parts.items()
        for run in runs
        for stage, made in plan.recipes[run].items()
        if stage in ANALYSES
    ]
    for part, (same, other) in summary.pairs.items():
        for analysis, pair in dict.fromkeys((analysis, runs) for analysis, _, runs in plan.groups()):
            first, second = pair[0], pair[-1]
            if (first in same and second in other) or (first in other and second in same):
                shown.append(({"part": part, "of": f"{first} and {second}"}, plan.of_group(analysis, pair)))
    return shown


def recipe(plan: Any, name: str) -> Recipe:
    """Recipe of a figure or table: its kind, its options and style, and the addresses of what it shows."""
    parts = shown(plan, name)
    parameters: dict[str, Any] = {"name": name}
    plot = plan.params.figures.plots.get(name)
    if name == SUMMARY:
        parameters["statements"] = plan.params.summary.statements
        modules = ["stages.summary", f"figures.papers.{plan.params.summary.statements}.statements"]
    elif plot is None or plot.kind not in KINDS:
        needed = {section for _, made in parts for section in _needed(made["stage"])}
        parameters["settings"] = {each: plan.params.settings(each).model_dump() for each in sorted(needed)}
        modules = ["stages.scatter" if plot else "stages.table"]
        modules += sorted({_columns(made["stage"]) for _, made in parts})
        if plot:
            parameters["options"] = options(plot)
    else:
        analysis, kind = KINDS[plot.kind]
        parameters |= {"kind": plot.kind, "analysis": analysis, "file": kind.file, "options": options(plot)}
        modules = ["stages.figures"]
        if kind.drawn:
            parameters |= {"unit": _unit(plan.params, name), "marks": _marks(plan, name)}
            modules += [f"analyses.{analysis}.figures", *(_columns(each) for each in MARKING)]
    if plot and ".pdf" in suffixes(plan.params)[name]:
        parameters["style"] = plan.params.figures.style.model_dump(exclude_defaults=True)
    inputs = [[columns, path(made)] for columns, made in parts]
    return {"stage": "figures", "parameters": parameters, "code": code(*modules), "inputs": inputs}


def _marks(plan: Any, plot: str) -> list[list[str]]:
    """Runs of a figure, and the folders that tell whether to mark them."""
    runs = [(run, plan.recipes[run]) for run in dict.fromkeys(plan.params.plotted(plot))]
    return [[run, path(made[each])] for run, made in runs for each in MARKING if each in made]


def _unit(params: Any, plot: str) -> str:
    """Unit of the losses in a figure; none if its runs have several."""
    units = {params.runs[run].facts("loss").UNIT for run in params.plotted(plot)}
    return str(units.pop()) if len(units) == 1 else ""


def files(made: Recipe) -> list[str]:
    """Paths of the files that the job of such a recipe reads, in its order."""
    folders = [folder for _, folder in [*made["inputs"], *made["parameters"].get("marks", [])]]
    return [f"{folder}/{file}" for folder in dict.fromkeys(folders) for file in catalog.files(Path(folder).parent.name)]


def _columns(stage: str) -> str:
    """The module that has the columns of a stage or an analysis in the table of runs."""
    return f"analyses.{stage}.columns" if stage in ANALYSES else f"stages.of_{stage}"


def _needed(stage: str) -> tuple[str, ...]:
    """Sections that these columns need."""
    return (ANALYSES[stage].columns or ()) if stage in ANALYSES else ()
