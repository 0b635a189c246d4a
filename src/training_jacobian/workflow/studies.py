"""Studies: params files in studies/, asked for by name, whose figures never displace another's."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training_jacobian.section import nearest
from training_jacobian.workflow.loading import ParamsError
from training_jacobian.workflow.plan import Plan, plan

PUBLISHED = ("results/figs/all", "results/report.html")  # of params.yaml, made by one job
FOLDER, NAME = Path("studies"), re.compile(r"[a-z][a-z0-9_]*")


def found(root: Path = Path()) -> dict[str, Path]:
    """Files of the studies of a project, by name."""
    files = {path.stem: path for path in sorted((root / FOLDER).glob("*.yaml"))}
    for name, path in files.items():
        if not NAME.fullmatch(name):
            raise ParamsError(f"{path}: a study's name has small letters, digits and _ only; rename the file")
    return files


def _targets(arguments: list[str]) -> list[str]:
    """What of a command line lies in results/."""
    return [each.removeprefix("./") for each in arguments if each.removeprefix("./").startswith("results/")]


def asked_for(arguments: list[str]) -> set[str] | None:
    """Names of the studies that a command line of Snakemake asks for; None if that cannot be told, so any."""
    names: set[str] = set()
    for target in _targets(arguments):
        if target in PUBLISHED:
            continue
        study = re.fullmatch(r"results/figs/([^/]+)/[^/]+", target)
        if not study:
            return None
        names.add(study[1])
    return names


class Plans:
    """The plan of a params file, and those of studies beside it; each artifact belongs to the first that wants it."""

    def __init__(self, main: Plan, names: Collection[str] | None = ()) -> None:
        files = found()
        unknown = sorted(set(names or ()) - files.keys())
        if unknown:
            raise ParamsError(f"there is no study {unknown[0]!r} in {FOLDER}/; {nearest(unknown[0], list(files))}")
        chosen = files if names is None else {name: files[name] for name in sorted(names)}
        self.main = main
        self.all = [main, *(plan(path, study=name) for name, path in chosen.items())]

    def asked(self, arguments: list[str]) -> list[Plan]:
        """Those that a command line asks for: studies by name, whose file is by its key, and else params.yaml."""
        targets, names = _targets(arguments), asked_for(arguments)
        keys = re.findall(r"\b[0-9a-f]{12}\b", " ".join(targets))
        owners = [self.of(key) for key in keys]
        chosen = [each for each in self.all[1:] if each.study in (names or set()) or each in owners]
        main = not chosen or self.main in owners or any(target in PUBLISHED for target in targets)
        return [*chosen, *([self.main] if main else [])]

    def of(self, key: str) -> Plan:
        """The plan that wants the artifact of a key.  Raises ParamsError if none does."""
        for each in self.all:
            if key in each.runs_of:
                return each
        raise ParamsError(f"no run and no figure has the key {key}; `training-jacobian path` tells keys")

    def write_recipes(self) -> None:
        """Write the recipes of all jobs, and whose they are."""
        owners = {key: owner for each in reversed(self.all) for key, owner in each.owners().items()}
        for each in self.all:
            each.write_recipes(owners)

    def needs(self, key: str) -> tuple[Any, Any]:
        """Params, and the run, whose needs are those of a key; runs that share an artifact need the same."""
        owner = self.of(key)
        return owner.params, owner.params.runs[owner.runs_of[key][0]]


def all_plans() -> list[Plan]:
    """Of params.yaml, if there is one, and of all studies."""
    files: dict[str, Path] = {**({"": Path("params.yaml")} if Path("params.yaml").exists() else {}), **found()}
    return [plan(path, study=name) for name, path in files.items()]
