"""From params to addresses: what each run needs, where it lies, what the figures are made of."""

import json
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from training_jacobian.artifacts.address import Recipe, ancestors, canonical, home, key, path
from training_jacobian.artifacts.digest import code
from training_jacobian.artifacts.store import whole
from training_jacobian.jobs.troubles import NAMES
from training_jacobian.stages import STAGES
from training_jacobian.workflow import catalog, publish, report
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.loading import load
from training_jacobian.workflow.params import FileInitial
from training_jacobian.workflow.publish import Wanted
from training_jacobian.workflow.recipe import of_group, recipe
from training_jacobian.workflow.sections import REPORT, SUMMARY, TABLE, options

MARKING = [name for name, each in ANALYSES.items() if each.marks]
TELLING = ("train",)  # stages with columns in the table of runs
Shown = list[tuple[dict[str, Any], Recipe]]  # what a figure shows: columns that say what it is, and its recipe


@dataclass
class Plan:
    """Recipes by run and stage, and by address; several runs may share an address.

    `root`: of the project, where the files lie that a data set or a model names.  `study`: its name, or none of
    params.yaml.
    """

    params: Any
    root: Path = Path()
    study: str = ""
    recipes: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # run -> stage -> recipe
    by_key: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # stage -> key -> recipe
    runs_of: dict[str, tuple[str, ...]] = field(default_factory=dict)  # key -> a run that has it; all of a group

    @property
    def name(self) -> str:
        """What its params file is called, for people."""
        return f"studies/{self.study}.yaml" if self.study else "params.yaml"

    def __post_init__(self) -> None:
        for name, run in self.params.runs.items():
            stages = [stage for stage in catalog.ORDER if self._has(name, stage)]
            self.recipes[name] = {stage: recipe(self.params, run, stage, self.root) for stage in stages}
            for made in self.recipes[name].values():
                self._keep(made, name)
        for analysis, _, runs in self.groups():
            self._keep(self._of_group(analysis, runs), *runs)
        for made in map(self.figure, self.figures()):
            self._keep(made)

    def _keep(self, made: Recipe, *runs: str) -> None:
        self.by_key.setdefault(made["stage"], {})[key(made)] = made
        self.runs_of.setdefault(key(made), runs)

    def _of_group(self, analysis: str, runs: tuple[str, ...]) -> Recipe:
        return of_group(self.params, [self.params.runs[run] for run in runs], analysis, self.root)

    def _has(self, run: str, stage: str) -> bool:
        """Whether a stage, or an analysis of one run, is computed: of every run with a J, or because a figure asks."""
        method = self.params.runs[run].svd.method
        if catalog.method(stage) not in (None, method):
            return False
        if stage in STAGES or (ANALYSES[stage].always and method != "none"):
            return True
        plots = {name: catalog.shown(plot.kind) for name, plot in self.params.figures.plots.items()}
        of_one = {name: each for name, each in plots.items() if each and not ANALYSES[each].group}
        asking = [name for name, each in of_one.items() if stage in catalog.chain(each)]
        return any(run in self.params.plotted(name) for name in asking)

    def groups(self, plot: str | None = None) -> list[tuple[str, str, tuple[str, ...]]]:
        """Analysis, name and runs of each group that is compared, in a plot or in all."""
        plots, made = self.params.figures.plots, []
        for each in [plots[plot]] if plot else plots.values():
            analysis = str(catalog.shown(each.kind))
            for name, runs in getattr(each, "comparisons", {}).items():
                together = combinations(runs, 2) if ANALYSES[analysis].group == "pairs" else [tuple(runs)]
                made += [(analysis, name, tuple(some)) for some in together]
        return list(dict.fromkeys(made))

    def write_recipes(self, owners: dict[str, str] | None = None) -> None:
        """Write results/recipes/<key>.json for the jobs, and whose they are; make the folders that DVC looks for."""
        for folder in {*map(home, catalog.ORDER), home("figures")}:
            Path(folder).mkdir(parents=True, exist_ok=True)
        recipes = {name: made for each in self.by_key.values() for name, made in each.items()}
        texts = {Path(f"results/recipes/{name}.json"): canonical(made) + "\n" for name, made in recipes.items()}
        texts[NAMES] = json.dumps(owners or self.owners(), indent=1) + "\n"
        for file, text in texts.items():
            if not file.exists() or file.read_bytes() != text.encode():  # missing, or damaged
                with whole(file) as partial:
                    partial.write_text(text, encoding="utf-8")

    def owners(self) -> dict[str, str]:
        """By key: the runs whose artifact it is, the two that are compared, or the figure."""
        runs: dict[str, list[str]] = {}
        for run, stages in self.recipes.items():
            for made in stages.values():
                runs.setdefault(key(made), []).append(run)
        groups = {name: list(some) for name, some in self.runs_of.items() if some and name not in runs}
        named = {name: f"run{'s' if len(some) > 1 else ''} {', '.join(some)}" for name, some in (runs | groups).items()}
        return named | {name: f"figure {made['parameters']['name']}" for name, made in self.by_key["figures"].items()}

    def files(self, run: str, stage: str) -> list[str]:
        """Paths of the artifacts of a stage of a run."""
        return [path(self.recipes[run][stage], file) for file in catalog.files(stage)]

    def files_with(self, run: str, stage: str) -> list[str]:
        """Paths of the artifacts of a stage of a run, and of the groups that it is in."""
        keys = [name for name in self.by_key.get(stage, {}) if run in self.runs_of[name]]
        own = self.files(run, stage) if stage in self.recipes[run] else []
        groups = [path(self.by_key[stage][name], file) for name in keys for file in catalog.files(stage)]
        return list(dict.fromkeys([*own, *groups]))

    def all_files(self, *stages: str) -> list[str]:
        """Paths of all artifacts of these stages, of all runs and groups."""
        recipes = [made for stage in stages for made in self.by_key.get(stage, {}).values()]
        return [path(made, file) for made in recipes for file in catalog.files(made["stage"])]

    def read_by(self, key: str, stage: str) -> list[str]:
        """Paths of the files that the job of that key and stage reads."""
        of_stages = [(run, each) for run in self.runs_of[key] for each in catalog.inputs(stage)]
        return [file for run, each in of_stages for file in self.files(run, each)]

    def theta_file(self, train_key: str) -> list[str]:
        """The theta_0 file that the training of that key reads, if any."""
        initial = self.params.runs[self.runs_of[train_key][0]].initial
        return [initial.path] if isinstance(initial, FileInitial) else []

    def raw_files(self, data_key: str) -> list[str]:
        """Files in data/raw/ that the data stage of that key reads, if any."""
        run = self.params.runs[self.runs_of[data_key][0]]
        return [f"data/raw/{run.data.name}/{raw.name}" for raw in run.facts("data").RAW]

    def blocks(self, jacobian_key: str) -> list[str]:
        """Files of the column blocks that make up the Jacobian of that key."""
        size, width = self.params.runs[self.runs_of[jacobian_key][0]].size, self.params.compute.columns_per_job
        ranges = [(first, min(first + width, size)) for first in range(0, size, width)]
        return [f"results/jacobian/{jacobian_key}/columns-{first}-{last}.h5" for first, last in ranges]

    def figures(self) -> dict[str, list[str]]:
        """Suffixes of the files of each figure and table."""
        drawn = {
            name: [".csv", ".pdf", ".png"] if plot.kind not in KINDS or KINDS[plot.kind][1].drawn else [".csv"]
            for name, plot in self.params.figures.plots.items()
        }
        summary = {SUMMARY: [".csv"]} if self.params.summary else {}
        return {TABLE: [".csv", ".json"], **summary, **drawn, REPORT: [".html"]}

    def shape(self, name: str) -> str:
        """What a figure or table is made by: the rule of that name."""
        if name in (SUMMARY, REPORT):
            return name
        if name != TABLE and self.params.figures.plots[name].kind not in KINDS:
            return "scatter"
        return "runs" if name == TABLE else "figure" if ".pdf" in self.figures()[name] else "table"

    def keys(self, shape: str) -> list[str]:
        """Of the figures and tables that a rule makes."""
        return [key(self.figure(name)) for name in self.figures() if self.shape(name) == shape]

    def urgent(self) -> set[str]:
        """Keys of the analyses that take longest, and of all that leads to them."""
        made = [each for stage, recipes in self.by_key.items() if stage in ANALYSES for each in recipes.values()]
        long = [each for each in made if ANALYSES[each["stage"]].long]
        return {key(before) for each in long for before in ancestors(each).values()}

    def shown(self, name: str) -> Shown:
        """What a figure or table is made of."""
        if name == SUMMARY:
            return self.stated()
        analysis = None if name == TABLE else catalog.shown(self.params.figures.plots[name].kind)
        if analysis is None:
            runs = self.recipes if name == TABLE else self.params.plotted(name)
            made = {run: self.recipes[run] for run in runs}
            return [(self._said(run), each[stage]) for run, each in made.items() for stage in self.telling(each)]
        if not ANALYSES[analysis].group:
            return [(self._said(run), self.recipes[run][analysis]) for run in self.params.plotted(name)]
        shown = []
        for _, label, runs in self.groups(name):
            named = {"first": runs[0], "second": runs[1]} if ANALYSES[analysis].group == "pairs" else {}
            shown.append(({"comparison": label, **named}, self._of_group(analysis, runs)))
        return shown

    def _said(self, run: str) -> dict[str, Any]:
        """Columns that tell a run in tables: its name, and what was varied if it is of a sweep."""
        return {"run": run, **self.params.varied(run)}

    @staticmethod
    def telling(made: dict[str, Recipe]) -> list[str]:
        """Stages and analyses of a run with columns in the table of runs; each column stands once."""
        analyses = [name for name in made if name in ANALYSES and ANALYSES[name].columns is not None]
        told = {stage for name in analyses for stage in ANALYSES[name].tells}
        return [*(stage for stage in TELLING if stage not in told), *analyses]

    def stated(self) -> Shown:
        """What the table of a paper's statements is made of: the analyses of each part, by run or by pair of runs."""
        summary = self.params.summary
        shown = [
            ({"part": part, "of": run}, made)
            for part, runs in summary.parts.items()
            for run in runs
            for stage, made in self.recipes[run].items()
            if stage in ANALYSES
        ]
        for part, (same, other) in summary.pairs.items():
            for analysis, pair in dict.fromkeys((analysis, runs) for analysis, _, runs in self.groups()):
                first, second = pair[0], pair[-1]
                if (first in same and second in other) or (first in other and second in same):
                    shown.append(({"part": part, "of": f"{first} and {second}"}, self._of_group(analysis, pair)))
        return shown

    def figure(self, name: str) -> Recipe:
        """Recipe of a figure or table: its kind, its options and style, and the addresses of what it shows."""
        if name == REPORT:
            return report.recipe(self)
        shown = self.shown(name)
        parameters: dict[str, Any] = {"name": name}
        plot = self.params.figures.plots.get(name)
        if name == SUMMARY:
            parameters["statements"] = self.params.summary.statements
            modules = ["stages.summary", f"figures.papers.{self.params.summary.statements}.statements"]
        elif plot is None or plot.kind not in KINDS:
            needed = {section for _, made in shown for section in _needed(made["stage"])}
            parameters["settings"] = {each: self.params.settings(each).model_dump() for each in sorted(needed)}
            modules = ["stages.scatter" if plot else "stages.table"]
            modules += sorted({_columns(made["stage"]) for _, made in shown})
            if plot:
                parameters["options"] = options(plot)
        else:
            analysis, kind = KINDS[plot.kind]
            parameters |= {"kind": plot.kind, "analysis": analysis, "file": kind.file, "options": options(plot)}
            modules = ["stages.figures"]
            if kind.drawn:
                parameters |= {"unit": self._unit(name), "marks": self._marks(name)}
                modules += [f"analyses.{analysis}.figures", *(_columns(each) for each in MARKING)]
        if plot and ".pdf" in self.figures()[name]:
            parameters["style"] = self.params.figures.style.model_dump(exclude_defaults=True)
        inputs = [[columns, path(made)] for columns, made in shown]
        return {"stage": "figures", "parameters": parameters, "code": code(*modules), "inputs": inputs}

    def _marks(self, plot: str) -> list[list[str]]:
        """Runs of a figure, and the folders that tell whether to mark them."""
        runs = [(run, self.recipes[run]) for run in dict.fromkeys(self.params.plotted(plot))]
        return [[run, path(made[each])] for run, made in runs for each in MARKING if each in made]

    def _unit(self, plot: str) -> str:
        """Unit of the losses in a figure; none if its runs have several."""
        units = {self.params.runs[run].facts("loss").UNIT for run in self.params.plotted(plot)}
        return str(units.pop()) if len(units) == 1 else ""

    def shown_folders(self, figure_key: str) -> list[str]:
        """Folders that the figure of that key reads, in its order."""
        return [folder for _, folder in self.by_key["figures"][figure_key]["inputs"]]

    def shown_files(self, figure_key: str) -> list[str]:
        """Files in those folders."""
        if (made := self.by_key["figures"][figure_key])["parameters"]["name"] == REPORT:
            return report.files(self, made)
        marks = made["parameters"].get("marks", [])
        folders = dict.fromkeys([*self.shown_folders(figure_key), *(folder for _, folder in marks)])
        return [f"{folder}/{file}" for folder in folders for file in catalog.files(Path(folder).parent.name)]

    def wanted(self) -> Wanted:
        """What is to be published: address of each figure file, and where each link of each run leads."""
        addresses = {
            str(publish.place(self.study, f"{name}{suffix}")): path(self.figure(name), f"{name}{suffix}")
            for name, suffixes in self.figures().items()
            for suffix in suffixes
        }
        home = publish.links(self.study)
        up = [".."] * len(home.parts)
        links = {
            f"{home}/{run}/{stage}": str(Path(*up, *Path(path(made)).parts[1:]))
            for run, stages in self.recipes.items()
            for stage, made in stages.items()
        }
        return {"study": self.study, "figures": addresses, "links": links}


def _columns(stage: str) -> str:
    """The module that has the columns of a stage or an analysis in the table of runs."""
    return f"analyses.{stage}.columns" if stage in ANALYSES else f"stages.of_{stage}"


def _needed(stage: str) -> tuple[str, ...]:
    """Sections that these columns need."""
    return (ANALYSES[stage].columns or ()) if stage in ANALYSES else ()


def plan(file: str | Path | dict[str, Any] = "params.yaml", root: Path = Path(), study: str = "") -> Plan:
    """Plan of a params file, or of its content, of the project at `root`, to which addresses are relative.

    Raises ParamsError.
    """
    return Plan(load(file, root), root, study)
