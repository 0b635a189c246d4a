"""Raw data files: downloaded once, whole or not at all, and checked by a digest of their content."""

import gzip
import hashlib
import http.client
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training_jacobian.datasets import Raw
from training_jacobian.progress import Progress
from training_jacobian.store import whole

TIMEOUT = 30.0  # seconds without a byte
TRIES = 3  # of one address; each goes on where the last was cut off
LARGEST = 2**30  # bytes; no file of a data set here is as large
PIECE = 2**16


class RawError(RuntimeError):
    """A raw file that cannot be had; the message says where to put it."""


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def check(path: Path, raw: Raw) -> None:
    """Raise RawError if the content is not that of the digest."""
    algorithm, _, digest = raw.digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != digest:
        raise RawError(
            f"{path}: {algorithm} of the content is {found}, expected {digest}; it is damaged or another file"
        )


def _unpack(packed: Path, target: Path, raw: Raw) -> None:
    """Put the content of a download at `target`, if it is the right one."""
    with whole(target) as partial:
        opened = gzip.open if raw.packed else open
        with opened(packed, "rb") as source, partial.open("wb") as made:
            size = 0
            try:
                for piece in _pieces(source):
                    size += made.write(piece)
                    if size > LARGEST:
                        raise RawError(f"{packed.name}: unpacks to more than {LARGEST} bytes")
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise RawError(f"{packed.name}: not a whole gzip file ({error})") from None
        check(partial, raw)


def _download(url: str, partial: Path) -> None:
    """Fetch `url` into `partial`, going on after what is there.  Raises RawError or OSError."""
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
        with partial.open("ab" if done else "wb") as file:
            for piece in _pieces(answer):
                done += file.write(piece)
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
    """The path of a file of a data set, downloaded if it is not there; a .gz that a user put there is unpacked.

    Raises RawError, with what each address answered and where to put the file by hand; then nothing is left.
    """
    target = folder / raw.name
    if target.exists():
        check(target, raw)
        return target
    given, failures = target.with_name(f"{raw.name}.gz"), []
    if raw.packed and given.exists():
        _unpack(given, target, raw)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{raw.name}.download")
    for url in raw.urls:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url}: neither http nor https")
        try:
            _from(url, partial)
            _unpack(partial, target, raw)
        except (RawError, OSError, http.client.HTTPException) as error:
            failures.append(f"  {url}: {error}")
            partial.unlink(missing_ok=True)  # another address may have another file
        else:
            partial.unlink()
            return target
    answers, names = "\n".join(failures), f"{raw.name} or {raw.name}.gz" if raw.packed else raw.name
    raise RawError(
        f"{raw.name} could not be downloaded:\n{answers}\nPut {names} into {folder}/ "
        f"({raw.digest} of the content) and run the same command again"
    )
