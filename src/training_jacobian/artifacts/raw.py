"""Raw data files: known by their content, whatever they are called; downloaded once, whole or not at all."""

import gzip
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from training_jacobian.artifacts.oserrors import AGAIN, ArtifactError, telling
from training_jacobian.artifacts.raw_file import Raw
from training_jacobian.artifacts.store import whole
from training_jacobian.progress import Progress

TIMEOUT = 30.0  # seconds without a byte
TRIES = 3  # of one address; each goes on where the last was cut off
LARGEST = 2**30  # bytes; no file of a data set here is as large
PIECE = 2**16
LISTED = 10  # files that a message names
GZIP = b"\x1f\x8b"
KINDS = {
    GZIP: ", packed by gzip, cut off or of something else",
    b"PK": ", a zip archive: unpack it",
    b"<": ", perhaps a web page",
}

Open = Callable[..., Any]


class RawError(RuntimeError):
    """A raw file that cannot be had; the message says where to put it."""


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _unlike(path: Path, raw: Raw) -> str | None:
    """What tells the content from the right one; None if nothing does."""
    algorithm, _, digest = raw.digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found == digest else f"{algorithm} of the content is {found}, expected {digest}"


def _ways(path: Path, raw: Raw) -> list[Open]:
    """How a file can hold the content, by its size: as it is, or packed by gzip.  Raises RawError if it cannot.

    So nothing large is read in vain.  A file of gzip ends in the size of what it holds.
    """
    if not path.is_file():
        raise RawError("a link that leads to nothing" if path.is_symlink() else "not a file")
    size, inside = path.stat().st_size, -1
    with path.open("rb") as file:
        start = file.read(len(GZIP))
        if start == GZIP:
            file.seek(-4, os.SEEK_END) if size > 4 else None
            inside = int.from_bytes(file.read(4), "little")
    ways: list[Open] = [open] if raw.size in (None, size) else []
    if start == GZIP and raw.size in (None, inside):
        ways.append(gzip.open)
    if not size or not ways:
        kind = next((kind for begin, kind in KINDS.items() if start.startswith(begin)), "")
        raise RawError(f"{size} bytes{kind}; expected {raw.size}" if size else "empty")
    return ways


def _content(path: Path, opened: Open) -> Iterator[bytes]:
    """What a file holds, in pieces.  Raises RawError if it is not whole."""
    try:
        with telling(path), opened(path, "rb") as source:
            yield from _pieces(source)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RawError(f"{path.name}: not a whole gzip file ({error})") from None


def _unpack(packed: Path, target: Path, raw: Raw) -> None:
    """Put the content of a file at `target`, if it is the right one.  Raises RawError, with what was found instead."""
    failures = []
    for opened in _ways(packed, raw):
        try:
            with whole(target) as partial:
                size = 0
                with partial.open("wb") as made:
                    for piece in _content(packed, opened):
                        size += made.write(piece)
                        if size > LARGEST:
                            raise RawError(f"{packed.name}: unpacks to more than {LARGEST} bytes")
                if unlike := _unlike(partial, raw):
                    raise RawError(unlike)
            return
        except RawError as error:
            failures.append(str(error))
    raise RawError("; ".join(failures))


def _others(target: Path) -> Iterator[Path]:
    """Files in the folder of `target`, or below, that a person may have put there."""
    for folder, _, names in os.walk(target.parent):
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def place(target: Path, raw: Raw) -> list[str] | None:
    """Put the content of `raw` at `target`, from any file in its folder or below, under any name, packed or not.

    Returns None, or what was found instead, one line a file.  Raises ArtifactError where the system refuses.
    """
    with telling(target):
        if target.is_dir():
            raise RawError(
                f"{target}: a folder is where a file belongs: rename it (files in it are found), and {AGAIN}"
            )
        if target.exists() and _unlike(target, raw) is None:
            return None
    found = []
    for path in sorted(_others(target), key=lambda path: path != target):
        try:
            _unpack(path, target, raw)
            return None
        except (RawError, OSError) as error:
            found.append(f"  {path}: {error.strerror if isinstance(error, OSError) else error}")
    return found


def _refused(target: Path, raw: Raw, found: list[str], answers: list[str]) -> RawError:
    """What is wrong, and what to do."""
    lines = [
        f"{target}: {'not the right file' if target.exists() else 'not there'}; expected {raw.digest} of the content"
    ]
    if found:
        more = [f"  and {len(found) - LISTED} more"] if len(found) > LISTED else []
        lines += [f"None of the files in {target.parent}/ has it:", *found[:LISTED], *more]
    if answers:
        lines += [f"{raw.name} could not be downloaded:", *answers]
    remedy = f"Delete {target}, to have it downloaded, or put" if target.exists() else "Put"
    names = f"{raw.name} or {raw.name}.gz" if raw.packed else raw.name
    return RawError(
        "\n".join(
            [
                *lines,
                f"{remedy} {names} into {target.parent}/ ({raw.digest} of the content), under any name, and {AGAIN}",
            ]
        )
    )


def ready(target: Path, raw: Raw) -> Path:
    """The path of a raw file with the right content, put there from beside if need be; nothing is downloaded.

    Raises RawError, with what is there instead and what to do, or ArtifactError where the system refuses.
    """
    found = place(target, raw)
    if found is not None:
        raise _refused(target, raw, found, [])
    return target


def _download(url: str, partial: Path) -> None:
    """Fetch `url` into `partial`, going on after what is there.

    Raises RawError, or OSError of the network; ArtifactError where it cannot be written.
    """
    with telling(partial, "written"):
        done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 (http and https: `fetch` sees to it)
        if answer.headers.get_content_type() == "text/html":
            raise RawError("the answer is a web page, not a file; a proxy or a login may stand between")
        if answer.status != http.client.PARTIAL_CONTENT:
            done = 0
        expected = answer.headers.get("Content-Length")
        total = done + int(expected) if expected else None
        if (total or 0) > LARGEST:
            raise RawError(f"the file has {total} bytes, more than any data set here")
        progress = Progress(f"download {url.rpartition('/')[2]}", (total or LARGEST) // 1000, "kB")
        with telling(partial, "written"):
            file = partial.open("ab" if done else "wb", buffering=0)  # nothing is left to be written when it is closed
        with file:
            for piece in _pieces(answer):
                done += len(piece)
                with telling(partial, "written"):
                    while piece:
                        piece = piece[file.write(piece) :]
                progress.advance(done // 1000 - progress.done)
                if done > LARGEST:
                    raise RawError("the file has no end")
        if total is not None and done < total:
            raise OSError(f"cut off after {done} of {total} bytes")


def _from(url: str, partial: Path) -> None:
    """Some tries at one address."""
    for rest in reversed(range(TRIES)):
        try:
            return _download(url, partial)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:  # of another file, or all is there
                partial.unlink()
            elif error.code < 500 or not rest:
                raise
        except (OSError, http.client.HTTPException):
            if not rest:
                raise
        time.sleep(0.1)


def fetch(raw: Raw, folder: Path) -> Path:
    """The path of a file of a data set: there, or in the folder under another name or packed, or downloaded.

    Raises RawError, with what is there and what each address answered, and where to put the file by hand; ArtifactError
    where the system refuses.  Then nothing is left.
    """
    target = folder / raw.name
    found, answers = place(target, raw), []
    if found is None:
        return target
    if target.exists():  # a person's: not replaced
        raise _refused(target, raw, found, [])
    with telling(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{raw.name}.download")
    for url in raw.urls:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url}: neither http nor https")
        try:
            _from(url, partial)
            _unpack(partial, target, raw)
        except (RawError, OSError, http.client.HTTPException) as error:
            answers.append(f"  {url}: {error}")
            partial.unlink(missing_ok=True)  # another address may have another file
        except ArtifactError:
            partial.unlink(missing_ok=True)
            raise
        else:
            partial.unlink()
            return target
    raise _refused(target, raw, found, answers)
