"""What modules of data sets and models read from disk: files named in their FILES count by content, others are refused.

A module in datasets/ or models/ says `FILES = ("data/mine.npz",)`, paths relative to the project's root, and reads them
when it likes.  Their SHA-256 is in the recipe: another content is another address.  (Not seen: what a library opens
without Python, except HDF5, and what another process reads.)
"""

import os
import sys
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from training_jacobian.integrity import sha256
from training_jacobian.oserrors import AGAIN, ArtifactError, telling

PACKAGE = Path(__file__).resolve().parent
HOMES = ("datasets", "models")
CODE = (".py", ".pyc", ".so")
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/zoneinfo/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class UndeclaredError(RuntimeError):
    """A module of a data set or model reads a file that its FILES do not name."""


def declared(module: ModuleType) -> tuple[str, ...]:
    """The files that a module names in FILES."""
    files = getattr(module, "FILES", ())
    return (files,) if isinstance(files, str) else tuple(files)


def contents(module: ModuleType) -> dict[str, str]:
    """SHA-256 of each of them, by name; none for modules without FILES.  Raises ArtifactError if one cannot be read."""
    found = {}
    for name in declared(module):
        try:
            found[name] = sha256(Path(name))
        except OSError as error:
            told = f"{module.__name__}: FILES names {name}, which cannot be read ({error.strerror})"
            raise ArtifactError(f"{told}; put it there, or correct FILES") from None
    return found


def check(files: dict[str, str]) -> None:
    """Raise ArtifactError if a file no longer has the SHA-256 that a recipe says: changed while the workflow runs."""
    for name, digest in files.items():
        with telling(Path(name)):
            if sha256(Path(name)) != digest:
                raise ArtifactError(f"{name} was changed after the workflow was started; {AGAIN}")


def watch() -> None:
    """From now on, and for good, refuse with UndeclaredError that such a module reads any other file.  For jobs."""
    _watch_python()
    _watch_hdf5()


@cache
def _watch_python() -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            _asked(os.fsdecode(arguments[0]), bool(arguments[2] & WRITING), sys._getframe(1))

    sys.addaudithook(hook)


@cache
def _watch_hdf5() -> None:
    from h5py import h5f

    opened = h5f.open

    def told(name: bytes | str, *arguments: Any, **named: Any) -> Any:
        _asked(os.fsdecode(name), False, sys._getframe(1))
        return opened(name, *arguments, **named)

    h5f.open = told


_WRITTEN: set[str] = set()  # by such modules themselves: what they unpack and read again


def _asked(name: str, writing: bool, frame: FrameType | None) -> None:
    if name.endswith(CODE) or name.startswith(SYSTEM) or (module := _reader(frame)) is None:
        return
    path = os.path.realpath(name)
    if writing:
        _WRITTEN.add(path)
    elif os.path.isfile(path) and path not in _WRITTEN | _known() and not _of_library(path):  # noqa: PTH113
        raise UndeclaredError(
            f"{module} reads {name}, which its FILES do not name: a change of that file would go unseen; "
            f"say FILES = ({os.path.relpath(path)!r},) in {module}, and {AGAIN}"
        )


def _reader(frame: FrameType | None) -> str | None:
    """The module of a data set or model that has a file opened: not by JAX, which keeps programs, nor by an import."""
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.parent.name in HOMES and file.parent.parent == PACKAGE and file.name != "__init__.py":
            return f"{file.parent.name}/{file.name}"
        if str(frame.f_globals.get("__name__")).partition(".")[0] == "jax":
            return None
        if frame.f_code.co_name == "<module>" and _of_library(str(file)):
            return None
        frame = frame.f_back
    return None


def _known() -> set[str]:
    """Files that the loaded modules name in FILES, and raw ones, which have digests."""
    names: list[str] = []
    for module in [
        each for name, each in sys.modules.items() if name.startswith(tuple(f"{__package__}.{h}." for h in HOMES))
    ]:
        names += declared(module)
        names += [f"data/raw/{module.__name__.rpartition('.')[2]}/{raw.name}" for raw in getattr(module, "RAW", ())]
    return {os.path.realpath(name) for name in names}


def _of_library(path: str) -> bool:
    """Whether a file lies where Python finds packages, and is of their version: not in this package or the project."""
    homes = {Path(each).resolve() for each in sys.path if each}
    file, here = Path(path), Path.cwd()
    return not file.is_relative_to(PACKAGE) and any(
        file.is_relative_to(home) and not here.is_relative_to(home) for home in homes
    )
