"""What the operating system refuses, told as what it is: path, cause, remedy; never that the content is wrong."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AGAIN = "run the same command again"
ROOM = "make room (`training-jacobian gc` lists what no run needs)"
STORAGE = "the disk or the network file system fails, the file itself may be right: mend that (`dmesg`, `df`, `mount`)"
IN_USE = "another program has it open and locked: close that (`fuser -v {path}` names it)"
ALLOW = "have it allowed (`ls -ld` shows to whom it is)"

REMEDIES = {
    errno.ENOENT: "",
    errno.EAGAIN: IN_USE,
    errno.EBUSY: IN_USE,
    errno.ETXTBSY: IN_USE,
    errno.EACCES: ALLOW,
    errno.EPERM: ALLOW,
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENFILE: "the whole machine is at its limit of open files: close other programs",
    errno.ENOMEM: "give the job more memory, or compute less at once (fewer `--cores`)",
    errno.ENOSPC: ROOM,
    errno.EDQUOT: f"your quota is used up: {ROOM}",
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`), or use a file system without that limit",
    errno.EROFS: "mount that file system for writing, or put the project on another",
    errno.EISDIR: "a folder is where a file belongs: move it away",
    errno.ENOTDIR: "a file is where a folder belongs: move it away",
    errno.EEXIST: "a file is where a folder belongs: move it away",
    errno.ENOTEMPTY: "something else lies there: move it away",
    errno.ENAMETOOLONG: "put the project into a folder with a shorter path",
    errno.ELOOP: "symbolic links lead in a circle: remove them",
    errno.ENXIO: "a pipe, a socket or a device is where a file belongs: move it away",
    errno.ENOLCK: "that file system has no locks: set HDF5_USE_FILE_LOCKING=FALSE, and let nothing else write there",
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ECONNRESET, errno.ENODEV),
        STORAGE,
    ),
}


class ArtifactError(RuntimeError):
    """A file that must not, or cannot, be used; the message names it, the cause and the remedy."""


def number(error: Exception) -> int | None:
    """The errno of an error; None if it is none of the operating system's.  HDF5 may have it in the text only."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = re.search(r"errno = (\d+)", str(error)) if type(error) in (OSError, RuntimeError) else None
    return int(found[1]) or None if found else None


def told(path: Path, code: int, verb: str = "read") -> ArtifactError:
    """The error for people: `path` cannot be read (or `verb`), because of the errno `code`."""
    remedy = REMEDIES.get(code, "mend that").format(path=path)
    if code == errno.ENOSPC:
        return ArtifactError(f"{path}: no space left on device, nothing was written; {remedy} and {AGAIN}")
    cause = "missing" if code == errno.ENOENT else f"cannot be {verb}: {os.strerror(code)}"
    return ArtifactError(f"{path}: {cause}; {f'{remedy} and ' if remedy else ''}{AGAIN}")


@contextmanager
def telling(path: Path, verb: str = "read") -> Iterator[None]:
    """Tell what the operating system refuses as an ArtifactError about `path`, or about the file that it names.

    Errors that are none of the operating system's pass: MemoryError, and those of a format, which have no errno.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py has both
        code = number(error)
        if code is None:
            raise
        name = getattr(error, "filename2", None) or getattr(error, "filename", None)
        other = Path(name) if isinstance(name, str) else path
        if other == path or (
            other.parent == path.parent and other.name.startswith(f".{path.name}.")
        ):  # its partial file
            raise told(path, code, verb) from error
        raise told(other, code, "opened") from error
