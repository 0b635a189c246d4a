"""From params to addresses: what each run needs, where it lies, what the figures are made of."""

import json
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from training_jacobian.analyses import SUMMARY, TABLE
from training_jacobian.datasets import dataset
from training_jacobian.kinds import KINDS
from training_jacobian.loading import load
from training_jacobian.params import FileInitial, Params
from training_jacobian.publish import Wanted
from training_jacobian.recipe import (
    CORE,
    PARTIAL,
    STAGES,
    Recipe,
    canonical,
    code_digest,
    comparison,
    key,
    path,
    recipe,
)
from training_jacobian.store import whole
from training_jacobian.troubles import NAMES

FILES = {
    "data": ["data.h5"],
    "train": ["train.h5"],
    "jacobian": ["jacobian.h5"],
    "svd": ["svd.h5"],
    "triplets": ["triplets.h5", "triplets.csv"],
    "density": ["bulk.h5", "counts.csv"],
    "responses": ["responses.csv", "linearity.csv"],
    "identity": ["sigma.csv"],
    "spectrum": ["directions.csv", "counts.csv", "summary.json"],
    "perturbation": ["responses.csv", "linearity.csv"],
    "behaviour": ["divergence.csv", "displacement.csv"],
    "subspace": ["losses.csv"],
    "pfj": ["spectrum.csv", "overlaps.csv", "nullity.csv"],
    "angles": ["overlaps.csv"],
}
Shown = list[tuple[dict[str, str], Recipe]]  # what a figure shows: columns that say what it is, and its recipe


@dataclass
class Plan:
    """Recipes by run and stage, and by address; several runs may share an address.

    `root`: of the project, where the files lie that a data set or a model names.
    """

    params: Params
    root: Path = Path()
    recipes: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # run -> stage -> recipe
    by_key: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # stage -> key -> recipe
    runs_of: dict[str, tuple[str, ...]] = field(default_factory=dict)  # key -> a run that has it; two of angles

    def __post_init__(self) -> None:
        for name, run in self.params.runs.items():
            core = CORE if run.svd.method == "dense" else PARTIAL
            stages = [stage for stage in STAGES if stage in core or self._shows(name, stage)]
            self.recipes[name] = {stage: recipe(self.params, run, stage, self.root) for stage in stages}
            for made in self.recipes[name].values():
                self._keep(made, name)
        for _, first, second in self.comparisons():
            self._keep(self._comparison(first, second), first, second)
        for made in map(self.figure, self.figures()):
            self._keep(made)

    def _keep(self, made: Recipe, *runs: str) -> None:
        self.by_key.setdefault(made["stage"], {})[key(made)] = made
        self.runs_of.setdefault(key(made), runs)

    def _comparison(self, first: str, second: str) -> Recipe:
        """Recipe of the angles between two runs."""
        return comparison(self.params, self.params.runs[first], self.params.runs[second], self.root)

    def _shows(self, run: str, stage: str) -> bool:
        """Whether a figure shows that stage of that run by itself."""
        plots = self.params.figures.plots
        shown = [name for name, plot in plots.items() if plot.runs is not None and KINDS[plot.kind].stage == stage]
        return any(run in self.params.plotted(name) for name in shown)

    def comparisons(self, plot: str | None = None) -> list[tuple[str, str, str]]:
        """Name, first and second run of each comparison, of a plot or of all."""
        plots = self.params.figures.plots
        named = [plots[name].comparisons or {} for name in ([plot] if plot else plots)]
        pairs = [(name, *pair) for each in named for name, runs in each.items() for pair in combinations(runs, 2)]
        return list(dict.fromkeys(pairs))

    def write_recipes(self) -> None:
        """Write results/recipes/<key>.json for the jobs, and whose they are; make the folders that DVC looks for."""
        for stage in (*FILES, "figures"):
            Path("results", stage).mkdir(parents=True, exist_ok=True)
        recipes = {name: made for each in self.by_key.values() for name, made in each.items()}
        texts = {Path(f"results/recipes/{name}.json"): canonical(made) + "\n" for name, made in recipes.items()}
        texts[NAMES] = json.dumps(self.owners(), indent=1) + "\n"
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
        pairs = {name: list(self.runs_of[name]) for name in self.by_key.get("angles", {})}
        named = {name: f"run{'s' if len(some) > 1 else ''} {', '.join(some)}" for name, some in (runs | pairs).items()}
        return named | {name: f"figure {made['parameters']['name']}" for name, made in self.by_key["figures"].items()}

    def files(self, run: str, stage: str) -> list[str]:
        """Paths of the artifacts of a stage of a run."""
        return [path(self.recipes[run][stage], file) for file in FILES[stage]]

    def all_files(self, *stages: str) -> list[str]:
        """Paths of all artifacts of these stages, of all runs and comparisons."""
        recipes = [made for stage in stages for made in self.by_key.get(stage, {}).values()]
        return [path(made, file) for made in recipes for file in FILES[made["stage"]]]

    def compared(self, angles_key: str, stage: str) -> list[str]:
        """Paths of the artifacts of a stage of both runs that the angles of that key compare."""
        return [file for run in self.runs_of[angles_key] for file in self.files(run, stage)]

    def theta_file(self, train_key: str) -> list[str]:
        """The theta_0 file that the training of that key reads, if any."""
        initial = self.params.runs[self.runs_of[train_key][0]].initial
        return [initial.path] if isinstance(initial, FileInitial) else []

    def raw_files(self, data_key: str) -> list[str]:
        """Files in data/raw/ that the data stage of that key reads, if any."""
        name = self.params.runs[self.runs_of[data_key][0]].data.name
        return [f"data/raw/{name}/{raw.name}" for raw in dataset(name).RAW]

    def blocks(self, jacobian_key: str) -> list[str]:
        """Files of the column blocks that make up the Jacobian of that key."""
        size, width = self.params.runs[self.runs_of[jacobian_key][0]].size, self.params.compute.columns_per_job
        ranges = [(first, min(first + width, size)) for first in range(0, size, width)]
        return [f"results/jacobian/{jacobian_key}/columns-{first}-{last}.h5" for first, last in ranges]

    def figures(self) -> dict[str, list[str]]:
        """Suffixes of the files of each figure and table."""
        drawn = {
            name: [".csv", ".pdf", ".png"] if KINDS[plot.kind].module else [".csv"]
            for name, plot in self.params.figures.plots.items()
        }
        return {TABLE: [".csv", ".json"], **({SUMMARY: [".csv"]} if self.params.summary else {}), **drawn}

    def shown(self, name: str) -> Shown:
        """What a figure or table is made of."""
        if name == SUMMARY:
            return self.stated()
        if name == TABLE:
            return [
                ({"run": run}, made[stage])
                for run, made in self.recipes.items()
                for stage in (["spectrum", "identity"] if "spectrum" in made else ["train", "triplets"])
                if stage in made
            ]
        plot = self.params.figures.plots[name]
        stage = KINDS[plot.kind].stage
        if plot.comparisons is None:
            return [({"run": run}, self.recipes[run][stage]) for run in self.params.plotted(name)]
        return [
            ({"comparison": group, "first": a, "second": b}, self._comparison(a, b))
            for group, a, b in self.comparisons(name)
        ]

    def stated(self) -> Shown:
        """What the table of the paper's statements is made of: the analyses of each part, by run or by pair of runs."""
        parts = self.params.summary.parts if self.params.summary else {}
        same = [*parts.get("paper", []), *parts.get("seeds", [])]
        runs = {"paper": same, **{part: parts.get(part, []) for part in ("shuffled_labels", "white_noise", "pfj")}}
        shown = [
            ({"part": part, "of": run}, made)
            for part, each in runs.items()
            for run in each
            for stage, made in self.recipes[run].items()
            if stage not in CORE or stage == "spectrum"
        ]
        others = {"seeds": same, "labels": runs["shuffled_labels"], "inputs": runs["white_noise"]}
        for part, each in others.items():
            for first, second in dict.fromkeys((a, b) for _, a, b in self.comparisons()):
                if (first in same and second in each) or (first in each and second in same):
                    made = self._comparison(first, second)
                    shown.append(({"part": part, "of": f"{first} and {second}"}, made))
        return shown

    def figure(self, name: str) -> Recipe:
        """Recipe of a figure or table: its kind, its options and style, and the addresses of what it shows."""
        if name in (TABLE, SUMMARY):
            parameters: dict[str, Any] = {"name": name}
            if name == TABLE:
                parameters["thresholds"] = self.params.spectrum.thresholds
            code = ["tables", "stages.table"] if name == TABLE else ["statements", "stages.summary"]
        else:
            plot, style = self.params.figures.plots[name], self.params.figures.style
            kind = KINDS[plot.kind]
            options = plot.model_dump(exclude_defaults=True, exclude={"kind", "runs", "comparisons"})
            parameters = {"name": name, "kind": plot.kind, "file": kind.file, "options": options}
            code = ["stages.figures"]
            if kind.module:
                parameters["style"] = style.model_dump(exclude_defaults=True)
                code += ["plots.frame", f"plots.{kind.module}"]
        inputs = [[columns, path(made)] for columns, made in self.shown(name)]
        digests = {each: code_digest(each) for each in code}
        return {"stage": "figures", "parameters": parameters, "code": digests, "inputs": inputs}

    def shown_folders(self, figure_key: str) -> list[str]:
        """Folders that the figure of that key reads, in its order."""
        return [folder for _, folder in self.by_key["figures"][figure_key]["inputs"]]

    def shown_files(self, figure_key: str) -> list[str]:
        """Files in those folders."""
        folders = self.shown_folders(figure_key)
        return [f"{folder}/{file}" for folder in folders for file in FILES[Path(folder).parts[1]]]

    def wanted(self) -> Wanted:
        """What is to be published: address of each figure file, and where each link of each run leads."""
        addresses = {
            f"{name}{suffix}": path(self.figure(name), f"{name}{suffix}")
            for name, suffixes in self.figures().items()
            for suffix in suffixes
        }
        links = {
            f"results/runs/{run}/{stage}": str(Path("../..", *Path(path(made)).parts[1:]))
            for run, stages in self.recipes.items()
            for stage, made in stages.items()
        }
        return {"figures": addresses, "links": links}


def plan(file: str | Path = "params.yaml", root: Path = Path()) -> Plan:
    """Plan of a params file of the project at `root`, to which its addresses are relative.  Raises ParamsError."""
    return Plan(load(file, root), root)
