"""From params to addresses: what each run needs, and where it lies.  What figures are made of: drawn.py, report.py."""

import json
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from training_jacobian.artifacts.address import Recipe, ancestors, canonical, home, key, path
from training_jacobian.artifacts.store import whole
from training_jacobian.jobs.troubles import NAMES
from training_jacobian.stages import STAGES
from training_jacobian.workflow import catalog, drawn, publish, report
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.loading import load
from training_jacobian.workflow.params import FileInitial
from training_jacobian.workflow.publish import Wanted
from training_jacobian.workflow.recipe import of_group, recipe
from training_jacobian.workflow.sections import REPORT


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
    of_figures: dict[str, Recipe] = field(default_factory=dict)  # figure or table -> recipe

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
            self._keep(self.of_group(analysis, runs), *runs)
        for made in map(self.figure, self.figures()):
            self._keep(made)

    def _keep(self, made: Recipe, *runs: str) -> None:
        self.by_key.setdefault(made["stage"], {})[key(made)] = made
        self.runs_of.setdefault(key(made), runs)

    def of_group(self, analysis: str, runs: tuple[str, ...]) -> Recipe:
        """Recipe of an analysis of a group of runs."""
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

    def whose(self) -> dict[str, list[str]]:
        """By key: the runs whose artifact it is, those that are compared, or the figure."""
        found: dict[str, list[str]] = {}
        for run, stages in self.recipes.items():
            for made in stages.values():
                found.setdefault(key(made), []).append(run)
        found |= {name: list(runs) for name, runs in self.runs_of.items() if runs and name not in found}
        return found | {name: [made["parameters"]["name"]] for name, made in self.by_key["figures"].items()}

    def owners(self) -> dict[str, str]:
        """The same in words."""
        whose = self.whose()
        kinds = {name: f"run{'s' if len(some) > 1 else ''}" for name, some in whose.items()}
        kinds |= dict.fromkeys(self.by_key["figures"], "figure")
        return {name: f"{kinds[name]} {', '.join(some)}" for name, some in whose.items()}

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
        return drawn.suffixes(self.params)

    def figure(self, name: str) -> Recipe:
        """Recipe of a figure or table, made once: each rule asks for all of them."""
        if name not in self.of_figures:
            self.of_figures[name] = report.recipe(self) if name == REPORT else drawn.recipe(self, name)
        return self.of_figures[name]

    def keys(self, shape: str) -> list[str]:
        """Of the figures and tables that a rule makes."""
        return [key(self.figure(name)) for name in self.figures() if drawn.shape(self.params, name) == shape]

    def shown_files(self, figure_key: str) -> list[str]:
        """Files that the figure of that key reads."""
        made = self.by_key["figures"][figure_key]
        return report.files(self, made) if made["parameters"]["name"] == REPORT else drawn.files(made)

    def urgent(self) -> set[str]:
        """Keys of the analyses that take longest, and of all that leads to them."""
        made = [each for stage, recipes in self.by_key.items() if stage in ANALYSES for each in recipes.values()]
        long = [each for each in made if ANALYSES[each["stage"]].long]
        return {key(before) for each in long for before in ancestors(each).values()}

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


def plan(file: str | Path | dict[str, Any] = "params.yaml", root: Path = Path(), study: str = "") -> Plan:
    """Plan of a params file, or of its content, of the project at `root`, to which addresses are relative.

    Raises ParamsError.
    """
    return Plan(load(file, root), root, study)
