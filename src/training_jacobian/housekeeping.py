"""What lies in results/: what is there, what is damaged, what nobody needs.  No workflow engine is asked."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training_jacobian.plan import FILES, Plan
from training_jacobian.recipe import key, path
from training_jacobian.store import SUMS, TEMPORARY, checksums, sha256

RESULTS = Path("results")
DESCRIBED = {"recipe.json", SUMS}


@dataclass(frozen=True)
class Problem:
    """Something wrong with an artifact: `damaged`, `foreign` or `missing`; `unrecorded` is no error."""

    kind: str
    path: Path
    why: str


def folders() -> Iterator[Path]:
    """All artifact folders, results/<stage>/<key>."""
    for stage in (*FILES, "figures"):
        yield from sorted(each for each in (RESULTS / stage).glob("*") if each.is_dir())


def size(directory: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    return sum(each.stat().st_size for each in [directory, *directory.rglob("*")] if each.is_file())


def readable(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError


def check_folder(folder: Path) -> Iterator[Problem]:
    """What is wrong with one artifact folder, by its recipe and its checksums."""
    described = folder / "recipe.json"
    try:
        made = json.loads(described.read_text(encoding="utf-8"))["recipe"]
        found = path(made)
    except FileNotFoundError:
        yield Problem("missing", described, "nothing says what this folder holds")
        return
    except (ValueError, KeyError, TypeError):
        yield Problem("damaged", described, "not a recipe")
        return
    if found != str(folder):
        yield Problem("foreign", folder, f"its recipe belongs to {found}")
        return
    present = {each.name for each in folder.iterdir() if not re.fullmatch(r"\..*\.partial", each.name)}
    noted = checksums(folder)
    wanted = set(FILES.get(made["stage"], ())) or {*(noted or present)} - DESCRIBED  # a figure has the files it noted
    for name in sorted(wanted - present):
        yield Problem("missing", folder / name, "interrupted, or deleted")
    if not wanted:
        yield Problem("missing", folder, "no figure in it")
    for name in sorted(present - {SUMS}):
        if name.startswith(TEMPORARY):
            continue
        if name in noted:
            if sha256(folder / name) != noted[name]:
                yield Problem("damaged", folder / name, "SHA-256 differs")
        elif name in wanted or name in DESCRIBED:
            yield Problem("unrecorded", folder / name, "no checksum was noted when it was written")
        else:
            yield Problem("foreign", folder / name, "not of this folder")


def verify(plan: Plan) -> Iterator[Problem]:
    """What is wrong with any artifact in results/, and what of the plan is not there."""
    for folder in folders():
        yield from check_folder(folder)
    for stage, recipes in plan.by_key.items():
        for made in recipes.values():
            if not Path(path(made)).is_dir():
                yield Problem("missing", Path(path(made)), f"wanted by params.yaml ({stage}), not computed")


def status(plan: Plan) -> Iterator[tuple[str, str, str, int]]:
    """Run or figure, stage, `present`, `incomplete` or `missing`, and bytes, of all that a plan wants."""
    owners = {key(made): run for run, stages in plan.recipes.items() for made in stages.values()}
    for stage, recipes in plan.by_key.items():
        for name, made in recipes.items():
            owner = owners.get(name) or made["parameters"].get("name") or " and ".join(plan.runs_of[name])
            shared = [run for run, stages in plan.recipes.items() if stage in stages and key(stages[stage]) == name]
            folder = Path(path(made))
            files = FILES.get(stage) or [f"{owner}{suffix}" for suffix in plan.figures()[owner]]
            there = [(folder / file).is_file() for file in files]
            state = "present" if all(there) else "incomplete" if any(there) else "missing"
            yield ", ".join(shared) or owner, stage, state, size(folder)


def unreferenced(plans: list[Plan]) -> list[Path]:
    """Artifact folders, recipes and logs that belong to none of the plans; blocks of a J that is already gathered.

    Such blocks are left when Snakemake itself is killed.
    """
    wanted = {(stage, name) for plan in plans for stage, recipes in plan.by_key.items() for name in recipes}
    keys = {name for _, name in wanted}
    old = [folder for folder in folders() if (folder.parent.name, folder.name) not in wanted]
    for folder in (each for each in folders() if each not in old and (each / "jacobian.h5").exists()):
        old += sorted(folder.glob(f"*{TEMPORARY}*"))
    old += [each for each in sorted((RESULTS / "recipes").glob("*.json")) if each.stem not in keys]
    return old + [each for each in sorted((RESULTS / "logs").glob("*/*.log")) if each.name[:12] not in keys]


def delete(paths: list[Path]) -> None:
    """Delete files and folders."""
    for each in paths:
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)
