"""results/figs/, results/report.html, results/runs/: the only files without a key, which can be out of date.

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

# {"study": "", "figures": {"results/figs/bird.pdf": "results/figures/<key>/bird.pdf"},
#  "links": {"results/runs/paper/svd": "../../svd/<key>"}}
Wanted = dict[str, Any]
REPORT = "report.html"


def manifest(study: str) -> Path:
    """The list of the figures of params.yaml, or of a study, beside them."""
    return Path("results/figs", study, "all")


def place(study: str, file: str) -> Path:
    """Where a figure or table is published; the report of params.yaml, which is opened first, lies above them."""
    return manifest(study).parent / file if study or file != REPORT else Path("results", file)


def links(study: str) -> Path:
    """The folder of the links to what the runs of params.yaml, or of a study, have."""
    return Path("results/studies", study) if study else Path("results/runs")


def _stamp_of(study: str) -> Path:
    return Path(f"results/.published{f'-{study}' if study else ''}")


def is_published(wanted: Wanted) -> bool:
    """Whether manifest, figures and links are all as wanted."""
    listing = manifest(wanted["study"])
    figures = {file: Path(address).parent.name for file, address in wanted["figures"].items()}
    try:
        lines = [line.split() for line in _lines(listing)]
        listed = {path: key for _, path, key in lines} == figures
        intact = all(sha256(Path(path)) == sha for sha, path, _ in lines)
        return listed and intact and all(str(Path(link).readlink()) == to for link, to in wanted["links"].items())
    except (OSError, ValueError):
        return False


def stamp(wanted: Wanted) -> tuple[Path, bool]:
    """A file newer than the manifest if that is out of date, and whether it is up to date.  Raises ArtifactError."""
    published, study = is_published(wanted), wanted["study"]
    file, figs = _stamp_of(study), manifest(study).parent
    with telling(file, "written"):
        if not (published and file.exists()):
            # with the time, because Snakemake also compares content; and what was listed, before Snakemake removes it
            old = sorted({*_listed(study), *_published(study)})
            with whole(file) as partial:
                partial.write_text("\n".join([str(time.time_ns()), *old]) + "\n")
            there = [path for path in (*figs.glob("*"), place(study, REPORT)) if os.path.lexists(path)]
            newest = max((path.lstat().st_mtime for path in there), default=0.0)
            now = max(time.time(), newest + 1)  # whatever the clock was when they were written
            os.utime(file, (now, now))
    return file, published


def _listed(study: str) -> list[str]:
    """Files in the manifest, as far as it is one."""
    words = [line.split() for line in _lines(manifest(study))]
    return [each[1] for each in words if len(each) == 3 and _ours(study, each[1])]


def _published(study: str) -> list[str]:
    """Files published earlier, which may now be removed; nothing else in the folder is touched, nor outside it."""
    return [each for each in _lines(_stamp_of(study))[1:] if _ours(study, each)]


def _ours(study: str, path: str) -> bool:
    """Whether a path is one where something is published."""
    return Path(path) == place(study, Path(path).name)


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines() if file.is_file() else []


def publish(wanted: Wanted) -> None:
    """Copy figures, link runs, write the manifest last.

    Raises ArtifactError if a figure is missing or damaged, or where the operating system refuses.
    """
    with telling(manifest(wanted["study"]), "written"):
        _publish(wanted)


def _publish(wanted: Wanted) -> None:
    study = wanted["study"]
    listing, home = manifest(study), links(study)
    listing.parent.mkdir(parents=True, exist_ok=True)
    for old in _published(study):
        Path(old).unlink(missing_ok=True)
    lines = []
    for published, address in sorted(wanted["figures"].items()):
        target = Path(published)
        check(Path(address))
        with whole(target) as partial:
            shutil.copyfile(address, partial)
        lines.append(f"{sha256(target)}  {published}  {Path(address).parent.name}\n")
    for old_link in home.glob("*/*"):
        if old_link.is_symlink():
            old_link.unlink()
    for run in home.glob("*"):
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    for link, leads_to in wanted["links"].items():
        Path(link).parent.mkdir(parents=True, exist_ok=True)
        with telling(Path(link), "made"):
            Path(link).symlink_to(leads_to, target_is_directory=True)
    with whole(listing) as partial:
        partial.write_text("".join(lines))


def read_wanted(text: str) -> Wanted:
    """The plan of a `publish` job, from its command line."""
    wanted: Wanted = json.loads(text)
    return wanted
