"""Examples from a user's file: .npz, .h5 or .csv, as four arrays that are checked one by one.  Nothing is unpickled."""

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from training_jacobian.section import nearest, short

NAMES = ("inputs_train", "labels_train", "inputs_test", "labels_test")
LABEL = "label"  # the column of a .csv that is the label; else the last


class ArrayError(ValueError):
    """What is wrong with a file of examples: the array, the value, what is expected."""


def read(path: Path, test: Path | None = None) -> dict[str, np.ndarray]:
    """inputs_train (n, d) or (n, ...), labels_train (n,) or (n, k), and the same with `test`, checked.

    Inputs are floating-point numbers, or bytes, of which 255 stands for 1.  Labels are int64 for
    classes, floats for targets.
    Raises ArrayError.
    """
    if path.suffix not in READERS:
        raise ArrayError(f"{short(path.suffix)} is no format that is read; give {', '.join(READERS)}")
    if (path.suffix == ".csv") != (test is not None):
        told = "give test_path too" if test is None else "remove test_path, whose examples stand in the file"
        raise ArrayError(f"a .csv holds the examples of one part, any other file all; {told}")
    try:
        found = READERS[path.suffix](path) if test is None else {**_csv(path, "train"), **_csv(test, "test")}
    except ArrayError:
        raise
    except OSError as error:
        if error.strerror is None:
            raise ArrayError(f"not a readable {path.suffix} file ({error}); write it anew") from None
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ArrayError(f"{error.filename or path}: {reason}; give a file relative to the project's root") from None
    except Exception as error:  # a damaged archive may say anything
        told = " ".join(str(error).split())[:200]
        raise ArrayError(f"not a readable {path.suffix} file ({told}); write it anew") from None
    return checked(found)


def _npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ArrayError("not a readable .npz file (no zip archive); write it with numpy.savez")
    found = {}
    with np.load(path, allow_pickle=False) as archive:
        _named(list(archive.files))
        for name in archive.files:
            try:
                found[name] = archive[name]
            except ValueError as error:
                if "pickle" in str(error).lower():
                    raise ArrayError(f"{name} holds objects, that are pickled; {REMEDY[name]}") from None
                raise
    return found


def _hdf5(path: Path) -> dict[str, np.ndarray]:
    import h5py

    path.open("rb").close()  # so that what the system refuses is told as that
    with h5py.File(path, "r") as file:
        _named(list(file))
        for name in NAMES:
            if not isinstance(file[name], h5py.Dataset):
                raise ArrayError(f"{name} is a group, no dataset; write four datasets")
            if file[name].dtype.kind == "O":
                raise ArrayError(f"{name} holds text or objects; {REMEDY[name]}")
        return {name: file[name][()] for name in NAMES}


def _csv(path: Path, part: str) -> dict[str, np.ndarray]:
    """A header with names, then an example a line; `label`, or else the last column, is the label."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    if not lines:
        raise ArrayError(f"{path.name} is empty; give a line of names, then an example a line")
    header = [name.strip() for name in lines[0][1]]
    if all(_number(name) is not None for name in header):
        raise ArrayError(f"{path.name}: the first line is of numbers; begin with a line that names the columns")
    if len(header) < 2:
        raise ArrayError(f"{path.name} has one column; give inputs and a label")
    where = header.index(LABEL) if LABEL in header else len(header) - 1
    rows = []
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise ArrayError(f"{path.name}, line {number}: {len(row)} values, and there are {len(header)} columns")
        values = [_number(text) for text in row]
        if None in values:
            column = values.index(None)
            raise ArrayError(
                f"{path.name}, line {number}: {header[column]} = {short(row[column])} is no number; "
                "replace it, or leave out the line"
            )
        rows.append(values)
    table = np.array(rows, np.float64).reshape(len(rows), len(header))
    whole = all(row[where].strip().lstrip("+-").isdigit() for _, row in lines[1:])
    labels = table[:, where]
    return {
        f"inputs_{part}": np.delete(table, where, axis=1),
        f"labels_{part}": labels.astype(np.int64) if whole else labels,
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".npz": _npz,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".csv": lambda path: _csv(path, "train"),
}
REMEDY = {
    **{f"inputs_{part}": "give floating-point numbers, integers or bytes" for part in ("train", "test")},
    **{f"labels_{part}": "give integers for classes, or floating-point targets" for part in ("train", "test")},
}


def _named(found: list[str]) -> None:
    for name in found:
        if name not in NAMES:
            raise ArrayError(f"unknown array {short(name)}; {nearest(name, list(NAMES))}")
    for name in NAMES:
        if name not in found:
            raise ArrayError(f"the array {name} is missing; a file holds {', '.join(NAMES)}")


def checked(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The four arrays, if they can be trained on.  Raises ArrayError."""
    made = {name: _typed(name, found[name]) for name in NAMES}
    for part in ("train", "test"):
        inputs, labels = made[f"inputs_{part}"], made[f"labels_{part}"]
        if len(inputs) != len(labels):
            raise ArrayError(f"inputs_{part} has {len(inputs)} examples and labels_{part} {len(labels)}; give as many")
    for what in ("inputs", "labels"):
        train, test = made[f"{what}_train"], made[f"{what}_test"]
        if train.shape[1:] != test.shape[1:]:
            raise ArrayError(
                f"{what}_train is of shape {train.shape} and {what}_test {test.shape}; an example must have one shape"
            )
        if what == "labels" and train.dtype.kind != test.dtype.kind:
            raise ArrayError(f"labels_train is {train.dtype} and labels_test {test.dtype}; give classes, or targets")
    labels = np.concatenate([made["labels_train"], made["labels_test"]])
    if labels.dtype.kind == "i":
        _classes(labels)
    return made


def _typed(name: str, values: Any) -> np.ndarray:
    """One array, of a kind that is right.  Integers in inputs become float64."""
    made, inputs = np.asarray(values), name.startswith("inputs")
    kind = made.dtype.kind
    if kind not in "fiu" or made.dtype.itemsize > 8:
        raise ArrayError(f"{name} is of dtype {made.dtype}; {REMEDY[name]}")
    if inputs and made.ndim < 2:
        raise ArrayError(f"{name} is of shape {made.shape}; give (examples, width), or images (n, h, w, c)")
    if not inputs and (made.ndim not in (1, 2) or (made.ndim == 2 and kind != "f")):
        raise ArrayError(f"{name} is of shape {made.shape}; give (examples,), or targets (examples, k)")
    if not made.size:
        raise ArrayError(f"{name} is empty, of shape {made.shape}; give at least one example")
    if kind == "f" and not np.isfinite(made).all():
        first = tuple(int(each) for each in np.argwhere(~np.isfinite(made))[0])
        raise ArrayError(f"{name}{list(first)} = {made[first]}, which is not finite; replace or leave out that example")
    if not inputs:
        return made if kind == "f" else made.astype(np.int64)
    return made if kind == "f" or made.dtype == np.uint8 else made.astype(np.float64)


def _classes(labels: np.ndarray) -> None:
    if labels.min() < 0:
        raise ArrayError(f"a label is {labels.min()}, below 0; number classes from 0 on")
    if labels.max() < 1:
        raise ArrayError("all labels are 0, one class; give two at least, or real targets")
    if labels.max() >= len(labels):
        raise ArrayError(f"a label is {labels.max()}, and there are {len(labels)} examples; number classes from 0 on")
