"""What lies in results/: what is there, what is damaged, what nobody needs.  No workflow engine is asked."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from training_jacobian.artifacts.address import home, key, path
from training_jacobian.artifacts.integrity import SUMS, TEMPORARY, bytes_of, checksums, sha256
from training_jacobian.artifacts.oserrors import ArtifactError, telling
from training_jacobian.jobs import compiled
from training_jacobian.workflow import catalog
from training_jacobian.workflow.plan import Plan

RESULTS = Path("results")
DESCRIBED = {"recipe.json", SUMS}


@dataclass(frozen=True)
class Problem:
    """Something wrong with an artifact: `damaged`, `foreign`, `missing` or `unreadable`."""

    kind: str
    path: Path
    why: str


def folders() -> Iterator[Path]:
    """All artifact folders, results/<stage>/<key> and results/analyses/<name>/<key>."""
    for folder in homes():
        yield from filter(_is_folder, _inside(folder))


def homes() -> list[Path]:
    """Folders that hold artifact folders: of stages, analyses and figures, also of those that are no more."""
    known = [Path(home(stage)) for stage in (*catalog.ORDER, "figures")]
    others = [each for folder in (RESULTS, RESULTS / "analyses") for each in _inside(folder) if _is_folder(each)]
    return list(dict.fromkeys([*known, *(each for each in others if any(map(_has_key, _inside(each))))]))


def _has_key(path: Path) -> bool:
    """Whether a path is named like an artifact folder."""
    return re.fullmatch("[0-9a-f]{12}", path.name) is not None


def _is_folder(path: Path) -> bool:
    """As Path.is_dir, which raises where it may not look."""
    return os.path.isdir(path)  # noqa: PTH112


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder, sorted; nothing if it is none, or cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder; links are not followed, what cannot be read counts nothing."""
    total = 0
    for folder, _, files in os.walk(path):
        for each in files:
            with suppress(OSError):  # deleted meanwhile
                total += os.lstat(os.path.join(folder, each)).st_size  # noqa: PTH118
    if not path.is_dir():
        with suppress(OSError):
            total = path.lstat().st_size
    return total


def check_folder(folder: Path) -> Iterator[Problem]:
    """What is wrong with one artifact folder, by its recipe and its checksums."""
    try:
        with telling(folder):
            yield from _check_folder(folder)
    except ArtifactError as error:
        yield Problem("unreadable", folder, str(error))


def _check_folder(folder: Path) -> Iterator[Problem]:
    described = folder / "recipe.json"
    try:
        made = json.loads(bytes_of(described))["recipe"]
        found = path(made)
    except FileNotFoundError:
        yield Problem("missing", described, "nothing says what this folder holds")
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        yield Problem("damaged", described, "not a recipe")
        return
    if found != str(folder):
        yield Problem("foreign", folder, f"its recipe belongs to {found}")
        return
    present = {each.name for each in folder.iterdir() if not re.fullmatch(r"\..*\.partial", each.name)}
    noted = checksums(folder)
    known = made["stage"] in catalog.ORDER  # else a figure, or an analysis that is no more
    files = catalog.files(made["stage"]) if known else [name for name in noted or present if name not in DESCRIBED]
    wanted = set(files)
    for name in sorted(wanted - present):
        yield Problem("missing", folder / name, "interrupted, or deleted")
    if not wanted:
        yield Problem("missing", folder, "no figure in it")
    for name in sorted(present - {SUMS}):
        if name.startswith(TEMPORARY):
            continue
        if name in noted:
            yield from _check_file(folder / name, noted[name])
        elif name in wanted or name in DESCRIBED:
            yield Problem("damaged", folder / name, f"{SUMS} does not name it, so it cannot be checked")
        else:
            yield Problem("foreign", folder / name, "not of this folder")


def _check_file(file: Path, noted: str) -> Iterator[Problem]:
    try:
        with telling(file):
            if sha256(file) != noted:
                yield Problem("damaged", file, "SHA-256 differs")
    except ArtifactError as error:
        yield Problem("unreadable", file, str(error).removeprefix(f"{file}: "))


def verify(plans: list[Plan]) -> Iterator[Problem]:
    """What is wrong with any artifact in results/, and what of the plans is not there."""
    for folder in homes():
        for each in _inside(folder):
            yield from check_folder(each) if _is_folder(each) else [Problem("foreign", each, "not a folder")]
    wanted = {path(made): plan for plan in plans for each in plan.by_key.values() for made in each.values()}
    for address, plan in wanted.items():
        if not Path(address).is_dir():
            yield Problem("missing", Path(address), f"wanted by {plan.name}, not computed")


def status(plan: Plan) -> Iterator[tuple[str, str, str, int]]:
    """Run or figure, stage, `present`, `incomplete` or `missing`, and bytes, of all that a plan wants."""
    owners = {key(made): run for run, stages in plan.recipes.items() for made in stages.values()}
    for stage, recipes in plan.by_key.items():
        for name, made in recipes.items():
            owner = owners.get(name) or made["parameters"].get("name") or " and ".join(plan.runs_of[name])
            shared = [run for run, stages in plan.recipes.items() if stage in stages and key(stages[stage]) == name]
            folder = Path(path(made))
            figure = stage == "figures"
            files = [f"{owner}{suffix}" for suffix in plan.figures()[owner]] if figure else catalog.files(stage)
            there = [(folder / file).is_file() for file in files]
            state = "present" if all(there) else "incomplete" if any(there) else "missing"
            yield ", ".join(shared) or owner, stage, state, size(folder)


def unreferenced(plans: list[Plan]) -> list[Path]:
    """Artifact folders, recipes and logs that belong to none of the plans; blocks of a J that is already gathered.

    Such blocks are left when Snakemake itself is killed.  And of what XLA compiled, what is damaged or left by a kill.
    """
    wanted = {(stage, name) for plan in plans for stage, recipes in plan.by_key.items() for name in recipes}
    keys = {name for _, name in wanted}
    old = [folder for folder in folders() if (folder.parent.name, folder.name) not in wanted]
    for folder in (each for each in folders() if each not in old and os.access(each / "jacobian.h5", os.F_OK)):
        old += [each for each in _inside(folder) if TEMPORARY in each.name]
    old += [each for each in _inside(RESULTS / "recipes") if each.suffix == ".json" and each.stem not in keys]
    logs = [each for folder in _inside(RESULTS / "logs") for each in _inside(folder) if each.suffix == ".log"]
    return old + [each for each in logs if each.name[:12] not in keys] + list(compiled.waste())


def delete(paths: list[Path]) -> list[str]:
    """Delete files, folders and links, not what these lead to.  Returns what could not be deleted, and why."""
    refused = []
    for each in paths:
        try:
            with telling(each, "deleted"):
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each)
                else:
                    each.unlink(missing_ok=True)
        except ArtifactError as error:
            refused.append(str(error))
    return refused
