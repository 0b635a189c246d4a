"""Artifacts in and out: whole or absent, finite, self-describing, the same bytes every time."""

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from training_jacobian import __version__
from training_jacobian.artifacts.address import Recipe, ancestors, canonical, key
from training_jacobian.artifacts.address import path as address
from training_jacobian.artifacts.integrity import SUMS, TEMPORARY, checksums, sha256, undamaged
from training_jacobian.artifacts.integrity import check as check
from training_jacobian.artifacts.oserrors import AGAIN, telling
from training_jacobian.artifacts.oserrors import ArtifactError as ArtifactError

if TYPE_CHECKING:
    import pandas as pd


MARGIN = 2**16  # bytes that HDF5 adds to its datasets, at most
ORPHAN = 600  # seconds without a write after which a partial file is nobody's


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it at the end; on an error nothing is left.

    Raises ArtifactError where the operating system refuses, with cause and remedy.
    """
    with telling(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        for orphan in path.parent.glob(f".{path.name}.*.partial"):  # of a job killed earlier, not one still writing
            with suppress(FileNotFoundError):  # another job was faster
                if time.time() - orphan.lstat().st_mtime > ORPHAN:
                    orphan.unlink()
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False) as file:
            partial = Path(file.name)
    try:
        with telling(path, "written"):
            partial.chmod(0o666 & ~_umask())
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):  # what stopped the writing says more
            partial.unlink(missing_ok=True)


@contextmanager
def artifact(path: Path) -> Iterator[Path]:
    """As `whole`, and the content's SHA-256 is noted in SHA256SUMS beside it, as `sha256sum --check` reads it."""
    with whole(path) as partial:
        yield partial
        digest = sha256(partial)
        if path.name.startswith(TEMPORARY):
            with partial.open("ab") as file:
                file.write(digest.encode())
            return
        noted = {**checksums(path.parent), path.name: digest}
        with whole(path.parent / SUMS) as sums:
            sums.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(noted.items())))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def _reserve(path: Path, count: int) -> None:
    """Raise OSError if there is no room for so many bytes: HDF5 may crash where it finds that out while it closes."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, count)
        except (AttributeError, OSError) as error:  # not on every system, nor every file system
            if getattr(error, "errno", None) in (ENOSPC, EDQUOT, EFBIG):
                raise


def write_hdf5(
    path: Path,
    datasets: Mapping[str, np.ndarray],
    recipe: Recipe,
    finite: bool = True,
    empty: Collection[str] = (),
    **attributes: Any,
) -> None:
    """Write datasets, each with its SHA-256, and the recipe, its key and the package version as attributes.

    Raises ArtifactError if a dataset is not finite, unless none need be, or it is one of `empty`.
    """
    import h5py

    for name, values in datasets.items():
        if finite and name not in empty and values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ArtifactError(f"{path}: {name} is not finite; nothing was written")
    with artifact(path) as partial:
        _reserve(partial, sum(values.nbytes for values in datasets.values()) + MARGIN)
        with h5py.File(partial, "w") as file:
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

    with artifact(path) as partial:
        _reserve(partial, shape[0] * shape[1] * np.dtype(attributes["dtype"]).itemsize + MARGIN)
        with h5py.File(partial, "w") as file:
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
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file that has been checked, for reading.  Raises ArtifactError."""
    import h5py

    try:
        with telling(path), h5py.File(path, "r") as file:
            yield file
    except OSError as error:  # memory may be short: HDF5 has no number for that
        raise ArtifactError(f"{path}: HDF5 cannot read it, though its SHA-256 is right ({error}); {AGAIN}") from error
    except KeyError as error:
        raise ArtifactError(f"{path}: no artifact of this version ({error}); delete {path} and {AGAIN}") from error


@contextmanager
def _made_by(path: Path, recipe: Recipe, stage: str) -> Iterator[Any]:
    wanted = key(ancestors(recipe)[stage])
    with opened(path) as file:
        if (made := file.attrs["key"]) != wanted:
            raise ArtifactError(f"{path}: made by recipe {made}, expected {wanted}; delete {path} and {AGAIN}")
        yield file


def read_hdf5(path: Path, recipe: Recipe, stage: str, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """Datasets (all of them, or `names`) of the artifact that an earlier `stage` of `recipe` made.

    Raises ArtifactError if the file is damaged, was made by another recipe, or cannot be read.
    """
    import h5py

    undamaged(path)
    with _made_by(path, recipe, stage) as file:
        if names is None:
            names = []
            file.visititems(lambda name, each: names.append(name) if isinstance(each, h5py.Dataset) else None)
        return {name: file[name][()] for name in names}


def read_stage(
    recipe: Recipe, stage: str, names: list[str] | None = None, file: str = "", root: Path = Path()
) -> dict[str, np.ndarray]:
    """As `read_hdf5`, of the HDF5 file of an earlier stage, where its address says; `file` if it has another name."""
    return read_hdf5(root / address(ancestors(recipe)[stage], file or f"{stage}.h5"), recipe, stage, names)


def read_block(path: Path, recipe: Recipe) -> tuple[int, np.ndarray]:
    """Number of the first column, and the columns as rows (n, N), of a block of the Jacobian of `recipe`."""
    undamaged(path)
    with _made_by(path, recipe, "jacobian") as file:
        return int(file.attrs["first"]), file["columns"][()]


class Rows:
    """Datasets of an artifact of an earlier stage whose rows are read when they are wanted: `rows[5:9]`.

    The file is checked once, and again if it was touched since.  Raises ArtifactError as `read_hdf5` does.
    """

    def __init__(self, path: Path, recipe: Recipe, stage: str, names: list[str]) -> None:
        self._where, self._seen, self.names = (path, recipe, stage), (0, 0, 0), names
        with self._checked() as file:
            self._length = len(file[names[0]])

    @contextmanager
    def _checked(self) -> Iterator[Any]:
        path = self._where[0]
        with telling(path):
            about = path.stat()
        if (seen := (about.st_ino, about.st_size, about.st_mtime_ns)) != self._seen:
            undamaged(path)
            self._seen = seen
        with _made_by(*self._where) as file:
            yield file

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice) -> list[np.ndarray]:
        with self._checked() as file:
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
