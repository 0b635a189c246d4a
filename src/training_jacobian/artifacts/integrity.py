"""Whether a file holds what was written, and lies where it was made: asked before anything else reads it."""

import fcntl
import hashlib
import json
import os
import stat
import time
from errno import EISDIR, ENXIO
from functools import cache
from pathlib import Path

from training_jacobian.artifacts.oserrors import AGAIN, ArtifactError, telling

SUMS = "SHA256SUMS"
TEMPORARY = "columns-"  # blocks of the Jacobian are written side by side and deleted: each ends in its own SHA-256
TRAILER = 64  # bytes of that
PIECE = 2**26  # bytes read at a time
TICK = 2  # seconds: within that, a file may change twice with the same time of modification


def checksums(directory: Path) -> dict[str, str]:
    """SHA-256 of the files in a folder, as noted when they were written; lines that are damaged note nothing."""
    file = directory / SUMS
    if not os.path.lexists(file):
        return {}
    with telling(file):
        lines = bytes_of(file).decode("utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if len(digest) == 64 and name}


def _regular(path: Path) -> int:
    """Size of a file.  Raises OSError if it is none: to open a pipe would wait for ever."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        code = EISDIR if stat.S_ISDIR(about.st_mode) else ENXIO
        raise OSError(code, os.strerror(code), str(path))
    return about.st_size


def bytes_of(path: Path) -> bytes:
    """A file's bytes.  Raises OSError, also for what is no file."""
    _regular(path)
    return path.read_bytes()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces.  Raises OSError, also for what is no file."""
    _regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """As `sha256`, of a file that is asked for often: it is read once, and again when it has changed."""
    about = path.stat()
    if abs(time.time() - about.st_mtime) < TICK:
        return sha256(path)
    return _digest(path, about.st_mtime_ns, about.st_size, about.st_ino)


@cache
def _digest(path: Path, *version: int) -> str:
    return sha256(path)


def _trailed(path: Path) -> tuple[str, str]:
    """SHA-256 of a file up to its trailer, and what that says."""
    left, found = max(0, _regular(path) - TRAILER), hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(min(PIECE, left)):
            found.update(piece)
            left -= len(piece)
        return found.hexdigest(), file.read().decode("ascii", errors="replace")


def _unlocked(path: Path) -> None:
    """Raise BlockingIOError if another program is writing to the file, as HDF5 marks it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # no locks here
            return


def undamaged(path: Path, remove: Path | None = None) -> None:
    """Raise ArtifactError, which says to delete `remove` or else the file, unless all its bytes are those written.

    To be asked before anything parses it: HDF5 may go on for ever in a damaged file.
    """
    remedy, noted = f"delete {remove or path} and {AGAIN}", None
    with telling(path):
        if path.name.startswith(TEMPORARY):
            found, noted = _trailed(path)
        else:
            found, noted = sha256(path), checksums(path.parent).get(path.name)
        if found != noted:
            _unlocked(path)
    if noted is None:
        raise ArtifactError(f"{path}: {SUMS} beside it does not name it, so it cannot be checked; {remedy}")
    if found != noted:
        raise ArtifactError(f"{path}: damaged (SHA-256 differs); {remedy}")


def check(path: Path) -> Path:
    """The path of a file that is about to be read: undamaged, and in the folder where it was made.

    Raises ArtifactError if not, or if it cannot be read.
    """
    undamaged(path)
    described = path.parent / "recipe.json"
    if described.name in checksums(path.parent):  # so of whatever recipe SHA256SUMS is, this is of the same
        if not described.exists():
            raise ArtifactError(f"{described}: missing; delete {path.parent} and {AGAIN}")
        undamaged(described, remove=path.parent)
        made = json.loads(described.read_text(encoding="utf-8"))["key"]
        if made != path.parent.name:
            raise ArtifactError(
                f"{path}: made by recipe {made}, not that of its folder; delete {path.parent} and {AGAIN}"
            )
    return path
