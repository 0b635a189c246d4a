"""results/figs/ and results/runs/: the only files without a key in their path, the only ones that can be out of date.

`results/figs/all` lists what was published, one line `sha256  path  recipe-key` a file.  Whether it is up to date is
decided by its content, never by modification times.
"""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from training_jacobian.artifacts.integrity import check, sha256
from training_jacobian.artifacts.oserrors import telling
from training_jacobian.artifacts.store import whole

MANIFEST, STAMP = Path("results/figs/all"), Path("results/.published")

# {"figures": {"bird.pdf": "results/figures/<key>/bird.pdf"}, "links": {"results/runs/paper/svd": "../../svd/<key>"}}
Wanted = dict[str, Any]


def is_published(wanted: Wanted) -> bool:
    """Whether manifest, figures and links are all as wanted."""
    figures = {f"results/figs/{name}": Path(address).parent.name for name, address in wanted["figures"].items()}
    try:
        lines = [line.split() for line in _lines(MANIFEST)]
        listed = {path: key for _, path, key in lines} == figures
        intact = all(sha256(Path(path)) == sha for sha, path, _ in lines)
        return listed and intact and all(str(Path(link).readlink()) == to for link, to in wanted["links"].items())
    except (OSError, ValueError):
        return False


def stamp(wanted: Wanted) -> tuple[Path, bool]:
    """A file newer than the manifest if that is out of date, and whether it is up to date.  Raises ArtifactError."""
    published = is_published(wanted)
    with telling(STAMP, "written"):
        if not (published and STAMP.exists()):
            # with the time, because Snakemake also compares content; and what was listed, before Snakemake removes it
            old = sorted({*_listed(), *_published()})
            with whole(STAMP) as partial:
                partial.write_text("\n".join([str(time.time_ns()), *old]) + "\n")
            newest = max((path.lstat().st_mtime for path in MANIFEST.parent.glob("*")), default=0.0)
            now = max(time.time(), newest + 1)  # whatever the clock was when they were written
            os.utime(STAMP, (now, now))
    return STAMP, published


def _listed() -> list[str]:
    """Files in the manifest, as far as it is one."""
    words = [line.split() for line in _lines(MANIFEST)]
    return [each[1] for each in words if len(each) == 3 and Path(each[1]).parent == MANIFEST.parent]


def _published() -> list[str]:
    """Files published earlier, which may now be removed; nothing else in the folder is touched, nor outside it."""
    return [each for each in _lines(STAMP)[1:] if Path(each).parent == MANIFEST.parent]


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines() if file.is_file() else []


def publish(wanted: Wanted) -> None:
    """Copy figures, link runs, write the manifest last.

    Raises ArtifactError if a figure is missing or damaged, or where the operating system refuses.
    """
    with telling(MANIFEST, "written"):
        _publish(wanted)


def _publish(wanted: Wanted) -> None:
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    for old in _published():
        Path(old).unlink(missing_ok=True)
    lines = []
    for name, address in sorted(wanted["figures"].items()):
        target = MANIFEST.parent / name
        check(Path(address))
        with whole(target) as partial:
            shutil.copyfile(address, partial)
        lines.append(f"{sha256(target)}  {target}  {Path(address).parent.name}\n")
    for old_link in Path("results/runs").glob("*/*"):
        if old_link.is_symlink():
            old_link.unlink()
    for run in Path("results/runs").glob("*"):
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    for link, leads_to in wanted["links"].items():
        Path(link).parent.mkdir(parents=True, exist_ok=True)
        with telling(Path(link), "made"):
            Path(link).symlink_to(leads_to, target_is_directory=True)
    with whole(MANIFEST) as partial:
        partial.write_text("".join(lines))


def read_wanted(text: str) -> Wanted:
    """The plan of a `publish` job, from its command line."""
    wanted: Wanted = json.loads(text)
    return wanted
