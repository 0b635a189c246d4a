"""From params to addresses: what each run needs, where it lies, what the figures are made of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_jacobian.loading import load
from training_jacobian.params import TABLE, FileInitial, Params
from training_jacobian.publish import Wanted
from training_jacobian.recipe import STAGES, Recipe, canonical, code_digest, key, path, recipe
from training_jacobian.store import whole

FILES = {
    "data": ["data.h5"],
    "train": ["train.h5"],
    "jacobian": ["jacobian.h5"],
    "svd": ["svd.h5"],
    "spectrum": ["directions.csv", "counts.csv", "identity.csv", "summary.json"],
}


@dataclass
class Plan:
    """Recipes by run and stage, and by address; several runs may share an address."""

    params: Params
    recipes: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # run -> stage -> recipe
    by_key: dict[str, dict[str, Recipe]] = field(default_factory=dict)  # stage -> key -> recipe
    run_of: dict[str, str] = field(default_factory=dict)  # key -> a run that has it

    def __post_init__(self) -> None:
        for name, run in self.params.runs.items():
            self.recipes[name] = {stage: recipe(self.params, run, stage) for stage in STAGES}
            for stage, made in self.recipes[name].items():
                self.by_key.setdefault(stage, {})[key(made)] = made
                self.run_of.setdefault(key(made), name)
        self.by_key["figures"] = {key(made): made for made in map(self.figure, self.figures())}

    def write_recipes(self) -> None:
        """Write results/recipes/<key>.json for the jobs, where it is missing."""
        for recipes in self.by_key.values():
            for name, made in recipes.items():
                file = Path(f"results/recipes/{name}.json")
                if not file.exists():
                    with whole(file) as partial:
                        partial.write_text(canonical(made) + "\n")

    def files(self, run: str, stage: str) -> list[str]:
        """Paths of the artifacts of a stage of a run."""
        return [path(self.recipes[run][stage], file) for file in FILES[stage]]

    def theta_file(self, train_key: str) -> list[str]:
        """The theta_0 file that the training of that key reads, if any."""
        initial = self.params.runs[self.run_of[train_key]].initial
        return [initial.path] if isinstance(initial, FileInitial) else []

    def blocks(self, jacobian_key: str) -> list[str]:
        """Files of the column blocks that make up the Jacobian of that key."""
        size, width = self.params.runs[self.run_of[jacobian_key]].size, self.params.compute.columns_per_job
        ranges = [(first, min(first + width, size)) for first in range(0, size, width)]
        return [f"results/jacobian/{jacobian_key}/columns-{first}-{last}.h5" for first, last in ranges]

    def figure(self, name: str) -> Recipe:
        """Recipe of a figure: its kind, its style, and the spectra of its runs under the names in the legend."""
        if name == TABLE:
            return self._drawn({"name": name, "kind": "table"}, "tables", list(self.params.runs))
        plot, style = self.params.figures.plots[name], self.params.figures.style
        parameters = {"name": name, "kind": plot.kind, "style": style.model_dump(exclude_defaults=True)}
        return self._drawn(parameters, "figures", self.params.plotted(name))

    def _drawn(self, parameters: dict[str, Any], module: str, runs: list[str]) -> Recipe:
        spectra = [[run, key(self.recipes[run]["spectrum"])] for run in runs]
        code = {each: code_digest(each) for each in (module, "stages.figures")}
        return {"stage": "figures", "parameters": parameters, "code": code, "spectra": spectra}

    def figures(self) -> dict[str, list[str]]:
        """Suffixes of the files of each figure, and of the table of runs."""
        return {TABLE: [".csv"], **{name: [".pdf", ".png"] for name in self.params.figures.plots}}

    def spectrum_folders(self, figure_key: str) -> list[str]:
        """Folders of the spectra that the figure of that key shows, in its order."""
        return [f"results/spectrum/{spectrum}" for _, spectrum in self.by_key["figures"][figure_key]["spectra"]]

    def spectra(self, figure_key: str) -> list[str]:
        """Files in those folders."""
        return [f"{folder}/{file}" for folder in self.spectrum_folders(figure_key) for file in FILES["spectrum"]]

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


def plan(file: str = "params.yaml") -> Plan:
    """Plan of a params file.  Raises ParamsError."""
    return Plan(load(file))
