"""`training-jacobian init`: the workflow for somebody who has installed the package and cloned nothing.

The files are those of the repository, which setup.py puts into the wheel.  Only the standard library is imported here.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LAST = "Snakefile"  # which makes a folder a project
FILES = (
    *("workflow/Snakefile", "workflow/rules/*.smk", "workflow/report/*", "profiles/*/config.yaml", "envs/*.yaml"),
    *(
        "params.yaml",
        "studies/*.yaml",
        "components/README.md",
        "data/README.md",
        "data/theta0_*.npy",
        "results/README.md",
    ),
    *("dvc.yaml", ".dvc/config", ".dvc/plots/*.json", ".dvc/.gitignore", ".dvcignore", ".gitignore", LAST),
)
SOURCES, PINNED = "src/training_jacobian", "requirements.txt"  # what DVC's stages depend on, there and here
PACKED = "project"  # folder of the package in a wheel
SHOWN = 5


def files(root: Path) -> Iterator[Path]:
    """Of a repository at `root`, relative to it."""
    for pattern in FILES:
        yield from sorted(each.relative_to(root) for each in root.glob(pattern))


def source() -> Path:
    """Where the files lie: in the package, or around it in a clone.  Raises FileNotFoundError."""
    packed, clone = PACKAGE / PACKED, PACKAGE.parents[1]
    for root in (packed, clone):
        if (root / LAST).is_file():
            return root
    raise FileNotFoundError(f"{packed} is missing: the package is not installed whole; install it again")


def init(folder: Path, version: str) -> None:
    """Make `folder` a project, whole or not at all; what is there, such as .git and .venv, is left alone.

    Raises ValueError where something is in the way.
    """
    root = source()
    folder.mkdir(parents=True, exist_ok=True)
    made = [*files(root), Path(PINNED)]
    tops = list(dict.fromkeys(each.parts[0] for each in made))
    there = sorted(each.name for each in folder.iterdir())
    in_the_way = [name for name in there if not name.startswith(".") or name in tops]
    if in_the_way:
        shown = ", ".join(in_the_way[:SHOWN]) + (" and more" if len(in_the_way) > SHOWN else "")
        raise ValueError(f"{folder} is not empty: {shown}; name another folder, or move that away")
    scratch, moved = Path(tempfile.mkdtemp(prefix=".init-", dir=folder)), list[Path]()
    try:
        for each in made:
            (scratch / each).parent.mkdir(parents=True, exist_ok=True)
            if each.name == PINNED:
                (scratch / each).write_text(f"training-jacobian=={version}\n")
            else:
                shutil.copyfile(root / each, scratch / each)
        stages = scratch / "dvc.yaml"
        stages.write_text(stages.read_text(encoding="utf-8").replace(SOURCES, PINNED), encoding="utf-8")
        for name in sorted(tops, key=LAST.__eq__):
            moved.append((scratch / name).rename(folder / name))
    except BaseException:
        for each in moved:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
