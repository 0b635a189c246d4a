"""What components read from disk: files named in their FILES count by content, others are refused.

A module in datasets/, models/, losses/ or orders/ says `FILES = ("data/mine.npz",)`, paths relative to the project's
root, and reads them when it likes; so does a user's own file.  Their SHA-256 is in the recipe: another content is
another address.  (Not seen:
what a library opens without Python, except HDF5, and what another process reads, or a thread that no such module has
started.)
"""

import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from training_jacobian.artifacts.integrity import file_digest, sha256
from training_jacobian.artifacts.oserrors import AGAIN, ArtifactError, telling

PACKAGE = Path(__file__).parents[1]
LEARNING = PACKAGE / "learning"
# section of a run -> where the module lies that it names
HOMES = {"data": "datasets", "model": "models", "loss": "losses", "order": "orders"}
CODE = (".py", ".pyc", ".so")
PATHS = ("path", "test_path")  # keys of a component that name files of the user's
SYSTEM = ("/proc/", "/sys/", "/etc/", "/usr/share/zoneinfo/")
# where JAX reads and writes compiled programs; where libraries look for each other's plugins
KEEPING = ("jax._src.compilation_cache", "jax._src.lru_cache", "importlib.metadata")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class UndeclaredError(RuntimeError):
    """A component reads a file that its FILES do not name."""


def declared(module: ModuleType) -> tuple[str, ...]:
    """The files that a module names in FILES."""
    files = getattr(module, "FILES", ())
    return (files,) if isinstance(files, str) else tuple(files)


def contents(module: ModuleType, root: Path = Path()) -> dict[str, str]:
    """SHA-256 of each of them, by name, in the project at `root`; none for modules without FILES.

    Raises ArtifactError if one cannot be read.
    """
    found = {}
    for name in declared(module):
        try:
            found[name] = file_digest(root / name)
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


_CHOSEN: dict[str, str] = {}  # home -> name of the module there whose FILES the recipe has
_GIVEN: set[str] = set()  # files that the recipe names by itself
_OWN: dict[str, str] = {}  # a user's file -> the one that imports it, whose FILES the recipe has
_DECLARED: dict[str, str] = {}  # that -> the name of its module
_OF_ALL: list[bool] = []  # true in jobs: built-in components are watched, too


def own(files: dict[str, str], module: str) -> None:
    """From now on, a user's `files` count as components, each with the path of that whose FILES, of `module`, count."""
    _OWN.update(files)
    _DECLARED.update(dict.fromkeys(files.values(), module))
    _watch_python()
    _watch_hdf5()
    _watch_threads()


def watch(chosen: dict[str, Any]) -> None:
    """From now on, for good: raise UndeclaredError where such a module reads a file that counts not.

    What counts are the FILES of the modules that a recipe with the parameters `chosen` names.  For jobs.
    """
    _OF_ALL.append(True)
    _CHOSEN.clear()
    _GIVEN.clear()
    _GIVEN.update(str(chosen["data"][key]) for key in PATHS if key in chosen.get("data", {}))
    _CHOSEN.update({home: chosen[section]["name"] for section, home in HOMES.items() if section in chosen})
    _watch_python()
    _watch_hdf5()
    _watch_threads()


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


@cache
def _watch_threads() -> None:
    started = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if module := _reader(sys._getframe(1)):
            self.run = partial(_on_behalf, module, self.run)  # type: ignore[method-assign]
        started(self)

    threading.Thread.start = start  # type: ignore[method-assign]


def _on_behalf(module: str, run: Callable[[], None]) -> None:
    """What a thread does that `module` has started; `_reader` finds this call."""
    run()


_WRITTEN: set[str] = set()  # by such modules themselves: what they unpack and read again


def _asked(name: str, writing: bool, frame: FrameType | None) -> None:
    if not (_OF_ALL or _OWN) or name.endswith(CODE) or (module := _reader(frame)) is None:
        return
    if not _OF_ALL and module not in _OWN:
        return
    path = os.path.realpath(name)
    if writing:
        _WRITTEN.add(path)
    elif path.startswith(SYSTEM) or not os.path.isfile(path) or path in _WRITTEN | _known():  # noqa: PTH113
        return
    elif not of_library(path):
        home = module.partition("/")[0]
        owner = _OWN.get(module) or (f"{home}/{_CHOSEN[home]}.py" if home in _CHOSEN else module)
        reader = os.path.relpath(module) if module in _OWN else module
        whose = "its FILES do" if owner == reader else f"the FILES of {owner} do"
        raise UndeclaredError(
            f"{reader} reads {name}, which {whose} not name: a change of that file would go unseen; "
            f"say FILES = ({os.path.relpath(path)!r},) in {owner}, and {AGAIN}"
        )


def _reader(frame: FrameType | None) -> str | None:
    """The module of a data set or model that has a file opened: not by JAX, which keeps programs, nor by an import."""
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.parent.name in HOMES.values() and file.parent.parent == LEARNING and file.name != "__init__.py":
            return f"{file.parent.name}/{file.name}"
        if str(file) in _OWN:
            return str(file)
        if frame.f_code is _on_behalf.__code__:
            return str(frame.f_locals["module"])
        if frame.f_globals.get("__name__") in KEEPING:
            return None
        if frame.f_code.co_name == "<module>" and of_library(str(file)):
            return None
        frame = frame.f_back
    return None


def _known() -> set[str]:
    """Files that count by content: in the FILES of the chosen modules, and their raw ones, which have digests."""
    names = [
        *_GIVEN,
        *(file for name in _DECLARED.values() if name in sys.modules for file in declared(sys.modules[name])),
    ]
    for home, name in _CHOSEN.items():
        if module := sys.modules.get(f"training_jacobian.learning.{home}.{name}"):
            names += declared(module)
            names += [f"data/raw/{name}/{raw.name}" for raw in getattr(module, "RAW", ())]
    return {os.path.realpath(name) for name in names}


@cache
def _libraries() -> list[Path]:
    """The standard library, and where packages are installed: what lies there is of their version."""
    standard = [sysconfig.get_path(each) for each in ("stdlib", "platstdlib")]
    installed = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    return [Path(each).resolve() for each in (*standard, *installed)]


def of_library(path: str) -> bool:
    """Whether a file is a library's, not of this package, wherever that is installed, nor of the project."""
    file = Path(path).resolve()
    return not file.is_relative_to(PACKAGE.resolve()) and any(map(file.is_relative_to, _libraries()))
