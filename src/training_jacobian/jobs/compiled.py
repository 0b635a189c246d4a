"""What takes long to make, kept for the next job, which is a second faster: whole, and checked before it is used.

JAX writes a program in place, reads it unchecked, and never replaces one that is damaged.  So each process has a folder
of its own, filled from the common one and emptied into it at the end; there, an entry's name begins with its SHA-256.
"""

import hashlib
import os
import platform
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from training_jacobian.artifacts.store import ArtifactError, whole

DEFAULT = "results/.compiled"
DIGITS = 16  # of the SHA-256
ENTRY = "-cache"  # how JAX ends the name of an entry
OWN = "own-"  # how the name of a process's folder begins
DEAD = 86400  # seconds after which such a folder is nobody's
# what of /proc/cpuinfo tells processors apart for a compiler: on x86, ARM, POWER and s390, RISC-V
KINDS = (
    "vendor_id",
    "model name",
    "flags",
    "features",
    "cpu implementer",
    "cpu part",
    "cpu variant",
    "cpu",
    "isa",
    "uarch",
)


def processor(described: str | None = None) -> str | None:
    """A name for the kind of processor, from the text of /proc/cpuinfo; None where that does not tell."""
    if described is None:
        try:
            described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    parts = [line.partition(":") for line in described.splitlines()]
    told = {f"{name.strip().lower()}:{value.strip()}" for name, _, value in parts if name.strip().lower() in KINDS}
    if not any(each.startswith(("flags:", "features:", "isa:", "cpu:")) for each in told):
        return None
    return f"{zlib.crc32(' '.join([platform.machine(), *sorted(told)]).encode()):08x}"


def folder(threads: int) -> Path | None:
    """Where the entries of this kind of processor and this number of threads lie: XLA compiles for both, and JAX's
    names do not tell them.  None where the processor cannot be told apart: then nothing is kept.
    """
    kind = processor()
    return None if kind is None else _root() / f"{kind}-{threads}"


def _root() -> Path:
    return Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or DEFAULT)


def text(name: str, make: Callable[[], str]) -> str:
    """What `make` gives, or has given before; `name` tells all that it depends on."""
    folder = _root() / "texts"
    with suppress(OSError):
        for entry in folder.glob(f"*-{name}{ENTRY}"):
            if is_whole(entry):
                return entry.read_bytes().decode()  # read_text would change "\r"
            entry.unlink()
    made = make()
    with suppress(OSError, ArtifactError):
        _keep(folder, f"{name}{ENTRY}", made.encode())
    return made


def _keep(folder: Path, name: str, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()[:DIGITS]
    with whole(folder / f"{digest}-{name}") as partial:
        partial.write_bytes(content)


def is_whole(entry: Path) -> bool:
    """Whether an entry of the common folder holds what its name says."""
    digest, _, name = entry.name.partition("-")
    try:
        return name.endswith(ENTRY) and hashlib.sha256(entry.read_bytes()).hexdigest()[:DIGITS] == digest
    except OSError:
        return False


def use(threads: int | None) -> "Compiled | None":
    """Let JAX use, and add to, what was compiled for this processor and threads; None if nothing can be kept.

    `threads` is None where nobody knows how many XLA has.
    """
    import jax

    common = None if threads is None else folder(threads)
    made = Compiled(common) if common else None
    path = made.path if made else None
    kept = {
        "jax_compilation_cache_dir": path and str(path),  # None: nor does JAX use what the surroundings name, unchecked
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_enable_xla_caches": "none",  # else the names of entries depend on the folder
    }
    for name, value in kept.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    return made if path else None


class Compiled:
    """The entries of `common`, in a folder of this process, `path`; without it where nothing can be kept."""

    def __init__(self, common: Path) -> None:
        self.common = common
        self.path: Path | None = None
        with suppress(OSError):
            common.parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=OWN, dir=common.parent))
            self._fill(self.path)

    def _fill(self, path: Path) -> None:
        for entry in self.common.glob(f"*{ENTRY}"):
            if is_whole(entry):
                own = path / entry.name.partition("-")[2]
                if own.exists():  # two jobs have kept the same
                    continue
                try:
                    os.link(entry, own)  # JAX never writes to an entry that is there
                except OSError:
                    shutil.copyfile(entry, own)
            else:
                entry.unlink()

    def keep(self) -> None:
        """Put what was compiled since into the common folder, and remove the process's own."""
        if self.path is None:
            return
        with suppress(OSError, ArtifactError):  # a full disk costs the next job a second, not this one its result
            known = {entry.name.partition("-")[2] for entry in self.common.glob(f"*{ENTRY}")}
            for made in self.path.glob(f"*{ENTRY}"):
                if made.name not in known:
                    _keep(self.common, made.name, made.read_bytes())
        shutil.rmtree(self.path, ignore_errors=True)


def waste(root: Path = Path(DEFAULT)) -> Iterator[Path]:
    """Damaged entries, and folders of processes that were killed."""
    for entry in sorted(root.glob("*")):
        with suppress(OSError):  # its job has just ended
            if entry.name.startswith(OWN):
                if time.time() - entry.stat().st_mtime > DEAD:
                    yield entry
            elif entry.is_dir():
                yield from (each for each in sorted(entry.iterdir()) if not is_whole(each))
