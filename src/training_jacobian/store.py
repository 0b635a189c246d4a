"""Artifacts in and out: whole or absent, finite, self-describing, the same bytes every time."""

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from training_jacobian import __version__
from training_jacobian.recipe import Recipe, ancestors, canonical, key

if TYPE_CHECKING:
    import pandas as pd


SUMS = "SHA256SUMS"
TEMPORARY = "columns-"  # blocks of the Jacobian are written side by side and deleted: nobody notes them
PIECE = 2**26  # bytes read at a time
ORPHAN = 600  # seconds without a write after which a partial file is nobody's


class ArtifactError(RuntimeError):
    """An artifact that must not be used; the message names it and the remedy."""


@contextmanager
def _told_if_full(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        room = "make room (`training-jacobian gc` lists what no run needs) and run the same command again"
        raise ArtifactError(f"{path}: no space left on device, nothing was written; {room}") from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it at the end; on an error nothing is left."""
    with _told_if_full(path), _whole(path) as partial:
        yield partial


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    for orphan in path.parent.glob(f".{path.name}.*.partial"):  # of a job killed earlier, not one still writing
        if time.time() - orphan.stat().st_mtime > ORPHAN:
            orphan.unlink(missing_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False) as file:
        partial = Path(file.name)
    try:
        partial.chmod(0o666 & ~_umask())
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def artifact(path: Path) -> Iterator[Path]:
    """As `whole`, and the content's SHA-256 is noted in SHA256SUMS beside it, as `sha256sum --check` reads it."""
    with whole(path) as partial:
        yield partial
        if path.name.startswith(TEMPORARY):
            return
        noted = {**checksums(path.parent), path.name: sha256(partial)}
        with whole(path.parent / SUMS) as sums:
            sums.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(noted.items())))


def checksums(directory: Path) -> dict[str, str]:
    """SHA-256 of the files in a folder, as noted when they were written."""
    file = directory / SUMS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path) -> Path:
    """The path of a small file that is about to be read.  Raises ArtifactError if it is missing or damaged."""
    remedy = f"delete {path} and run the same command again"
    if not path.is_file():
        raise ArtifactError(f"{path}: missing; {remedy}")
    if checksums(path.parent).get(path.name, digest := sha256(path)) != digest:
        raise ArtifactError(f"{path}: damaged (SHA-256 differs); {remedy}")
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def write_hdf5(path: Path, datasets: Mapping[str, np.ndarray], recipe: Recipe, **attributes: Any) -> None:
    """Write datasets, each with its SHA-256, and the recipe, its key and the package version as attributes.

    Raises ArtifactError if a dataset is not finite.
    """
    import h5py

    for name, values in datasets.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ArtifactError(f"{path}: {name} is not finite; nothing was written")
    with artifact(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update({**_described(recipe), **attributes})
        for name, values in datasets.items():
            file.create_dataset(name, data=values).attrs["sha256"] = _digest(values)


def write_rows(
    path: Path, name: str, pieces: Iterable[np.ndarray], shape: tuple[int, int], recipe: Recipe, **attributes: Any
) -> None:
    """As `write_hdf5`, of one dataset whose rows come some at a time.

    Raises ArtifactError if one is not finite, or if they are not as many as `shape` says; nothing is left then.
    """
    import h5py

    with artifact(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update({**_described(recipe), **attributes})
        digest, done, dataset = hashlib.sha256(), 0, file.create_dataset(name, shape, attributes["dtype"])
        for piece in pieces:
            if not np.isfinite(piece).all():
                raise ArtifactError(f"{path}: {name} is not finite; nothing was written")
            dataset[done : done + len(piece)] = piece
            digest.update(np.ascontiguousarray(piece).data)
            done += len(piece)
        if done != shape[0]:
            raise ArtifactError(f"{path}: {name} has {done} rows, not {shape[0]}; nothing was written")
        dataset.attrs["sha256"] = digest.hexdigest()


def _described(recipe: Recipe) -> dict[str, str]:
    return {"stage": recipe["stage"], "key": key(recipe), "recipe": canonical(recipe), "version": __version__}


@contextmanager
def _opened(path: Path, recipe: Recipe, stage: str) -> Iterator[Any]:
    import h5py

    remedy = f"delete {path} and run the same command again"
    wanted = key(ancestors(recipe)[stage])
    try:
        with h5py.File(path, "r") as file:
            if file.attrs["key"] != wanted:
                raise ArtifactError(f"{path}: made by recipe {file.attrs['key']}, expected {wanted}; {remedy}")
            yield file
    except (OSError, KeyError) as error:
        raise ArtifactError(f"{path}: missing or damaged ({error}); {remedy}") from error


def _undamaged(path: Path, name: str, found: str, noted: str) -> None:
    if found != noted:
        remedy = f"delete {path} and run the same command again"
        raise ArtifactError(f"{path}: {name} is damaged (SHA-256 differs); {remedy}")


def read_hdf5(path: Path, recipe: Recipe, stage: str, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """Datasets (all of them, or `names`) of the artifact that an earlier `stage` of `recipe` made.

    Raises ArtifactError if the file is damaged or was made by another recipe.
    """
    import h5py

    with _opened(path, recipe, stage) as file:
        if names is None:
            names = []
            file.visititems(lambda name, each: names.append(name) if isinstance(each, h5py.Dataset) else None)
        datasets = {name: file[name][()] for name in names}
        digests = {name: file[name].attrs["sha256"] for name in names}
    for name, values in datasets.items():
        _undamaged(path, name, _digest(values), digests[name])
    return datasets


class Rows:
    """Datasets of an artifact of an earlier stage whose rows are read when they are wanted: `rows[5:9]`.

    All of them are checked once, in pieces.  Raises ArtifactError as `read_hdf5` does.
    """

    def __init__(self, path: Path, recipe: Recipe, stage: str, names: list[str]) -> None:
        self._where, self.names = (path, recipe, stage), names
        with _opened(*self._where) as file:
            self.attributes = dict(file.attrs)
            for name in names:
                found, each = hashlib.sha256(), file[name]
                rows = max(1, PIECE * len(each) // max(1, each.nbytes))
                for first in range(0, len(each), rows):
                    found.update(np.ascontiguousarray(each[first : first + rows]).data)
                _undamaged(path, name, found.hexdigest(), each.attrs["sha256"])

    def __getitem__(self, rows: slice) -> list[np.ndarray]:
        with _opened(*self._where) as file:
            return [file[name][rows] for name in self.names]


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a tidy table; floats with the digits that give them back exactly."""
    with artifact(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs."""
    with artifact(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_recipe(directory: Path, recipe: Recipe, dtype: str) -> None:
    """Write recipe.json: what determined the content of this folder.  Before the artifact, so that none is without."""
    described = {"key": key(recipe), "version": __version__, "dtype": dtype, "recipe": recipe}
    write_json(directory / "recipe.json", described)
