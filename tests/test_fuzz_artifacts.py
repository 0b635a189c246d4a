"""Artifacts with random damage: caught before use, with path and remedy, or read bit for bit as they were written."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

import fuzzing
from training_jacobian.artifacts import address, integrity, store
from training_jacobian.spectral.remembered import Remembered
from training_jacobian.stages import gather, table

FILES = {
    "train": ["train.h5"],
    "jacobian": ["columns-0-6.h5", "columns-6-12.h5"],
    "spectrum": ["counts.csv", "summary.json"],
}
DESCRIBED = ["recipe.json", store.SUMS]
SIZE = 12


def chain(seed):
    """Recipes of a run, by stage."""
    made = {}
    for stage in ("data", "train", "jacobian", "spectrum"):
        before = {"from": made[list(made)[-1]]} if made else {}
        made[stage] = {"stage": stage, "parameters": {"seed": seed}, "code": {}, **before}
    return made


CHAINS = [chain(seed) for seed in (0, 1)]


def folder(root: Path, run: int, stage: str) -> Path:
    return root / address.path(CHAINS[run][stage])


def write(root: Path) -> None:
    """The artifacts of two runs with equal shapes."""
    for run, recipes in enumerate(CHAINS):
        draw = np.random.default_rng(run)
        for stage, made in recipes.items():
            store.write_recipe(folder(root, run, stage), made, "float64")
        theta, J = draw.standard_normal((5, SIZE)), draw.standard_normal((SIZE, SIZE))
        losses = {f"epochs/{name}": draw.random(2) for name in ("test_loss", "test_accuracy", "train_loss")}
        train = {"theta": theta, "batches": draw.integers(0, 99, (4, 8)), **losses}
        store.write_hdf5(folder(root, run, "train") / "train.h5", train, recipes["train"], dtype="float64", every=1)
        for first in (0, 6):
            block, rows = folder(root, run, "jacobian") / f"columns-{first}-{first + 6}.h5", J[:, first : first + 6].T
            store.write_rows(block, "columns", [rows], rows.shape, recipes["jacobian"], dtype="float64", first=first)
        spectrum = folder(root, run, "spectrum")
        counts = pd.DataFrame({"threshold": [0.1, 0.01], "count_below": draw.integers(0, SIZE, 2)})
        store.write_csv(spectrum / "counts.csv", counts)
        store.write_json(spectrum / "summary.json", {"parameters": SIZE, "sigma_1": draw.random()})


# what the stages that use the artifacts do with them: function of root, run and a folder to write into
def read_train(root, run, out):
    return store.read_hdf5(folder(root, run, "train") / "train.h5", CHAINS[run]["jacobian"], "train")


def read_rows(root, run, out):
    stored = store.Rows(folder(root, run, "train") / "train.h5", CHAINS[run]["jacobian"], "train", ["theta", "batches"])
    return [len(stored), *stored[1:3]]


def read_blocks(root, run, out):
    blocks = [folder(root, run, "jacobian") / name for name in FILES["jacobian"]]
    written: list[np.ndarray] = []
    with pytest.MonkeyPatch.context() as patch:  # the matrix, in place of a file
        patch.setattr(store, "write_recipe", lambda *_: None)
        patch.setattr(store, "write_hdf5", lambda _, datasets, *__, **___: written.append(datasets["J"]))
        gather.make(CHAINS[run]["jacobian"], blocks, out / "jacobian.h5")
    return written


def read_tables(root, run, out):
    told = [table.told(folder(root, run, stage), {}) for stage in ("spectrum", "train")]
    return table.typed([told[0] | told[1]]).to_dict("records")


READERS = {"train": (read_train, read_rows, read_tables), "jacobian": (read_blocks,), "spectrum": (read_tables,)}


# the same by the rule of 9687bc7: digests of datasets, SHA256SUMS for tables, and no more
def old_blocks(root, run, out):
    J = []
    for name in FILES["jacobian"]:
        try:
            with h5py.File(folder(root, run, "jacobian") / name) as file:
                J.append(file["columns"][()])
                assert file.attrs["key"] == address.key(CHAINS[run]["jacobian"])
                assert store._digest(J[-1]) == file["columns"].attrs["sha256"]
        except (OSError, AssertionError) as error:
            raise store.ArtifactError("damaged") from error
    return [np.concatenate(J).T]


def old_table(root, run, out):
    path = folder(root, run, "spectrum") / "counts.csv"
    if integrity.checksums(path.parent).get(path.name) != integrity.sha256(path):
        raise store.ArtifactError("damaged")
    return pd.read_csv(path).to_dict("records")


def bits(value) -> object:
    """Whatever was read, with dtypes and shapes, to compare."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {name: bits(each) for name, each in value.items()}
    return [bits(each) for each in value] if isinstance(value, list | tuple) else repr(value)


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def scramble(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)


def zero(content: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(content))
    content[first : first + 512] = bytes(len(content[first : first + 512]))


def cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def extend(content: bytearray, chance: random.Random) -> None:
    content += chance.randbytes(chance.randint(1, 600))


def move(content: bytearray, chance: random.Random) -> None:
    """Two pieces of a file in each other's place."""
    size = chance.randint(1, len(content) // 4)
    one, other = chance.randrange(len(content) // 2 - size), chance.randrange(len(content) // 2, len(content) - size)
    content[one : one + size], content[other : other + size] = content[other : other + size], content[one : one + size]


IN_A_FILE = (flip, scramble, zero, cut, extend, move)


def swapped(root: Path, stage: str, chance: random.Random) -> None:
    """Files of two addresses, or of one, in each other's place."""
    mine, other = (folder(root, run, stage) for run in (0, 1))
    names = [name for name in FILES[stage] + DESCRIBED if (mine / name).exists()]
    kind = chance.randrange(3)
    if kind == 0:
        swap(mine, other)
    elif kind == 1:  # any number of files, so also a table with its SHA256SUMS
        for name in chance.sample(names, chance.randint(1, len(names))):
            swap(mine / name, other / name)
    else:
        swap(*(mine / name for name in chance.sample(names, 2)))


def replaced(root: Path, stage: str, chance: random.Random) -> None:
    """No file, or something else under its name."""
    file = folder(root, 0, stage) / chance.choice(FILES[stage] + DESCRIBED)
    file.unlink(missing_ok=True)
    chance.choice((lambda: None, file.mkdir, file.touch, lambda: file.symlink_to(file.name), lambda: os.mkfifo(file)))()


def harm(root: Path, stage: str, kind: Callable, chance: random.Random) -> None:
    if kind not in IN_A_FILE:
        return kind(root, stage, chance)
    names = [name for name in FILES[stage] + DESCRIBED if (folder(root, 0, stage) / name).exists()]
    file = folder(root, 0, stage) / chance.choice(names)
    content = bytearray(file.read_bytes())
    kind(content, chance)
    file.write_bytes(content)


@pytest.fixture(scope="module")
def artifacts() -> Iterator[tuple[Path, Path]]:
    """A folder of artifacts, and a copy to be harmed."""
    with tempfile.TemporaryDirectory() as name:
        root, copy = Path(name, "whole"), Path(name, "harmed")
        write(root)
        shutil.copytree(root, copy)
        yield root, copy


@cache
def right(reader: Callable, root: Path, run: int) -> object:
    return bits(reader(root, run, root))


def wrong(artifacts, stage: str, kind: Callable, chance: random.Random, reader: Callable) -> list[str]:
    """What a reader makes of artifacts after one damage: nothing, where it gives the old values or tells."""
    root, harmed = artifacts
    found = []
    harm(harmed, stage, kind, chance)
    for run in (0, 1):
        try:
            values = bits(reader(harmed, run, harmed))
        except store.ArtifactError as error:
            if not str(error).startswith(str(harmed)) or "run the same command again" not in str(error):
                found.append(f"no path, or no remedy: {error}")
        else:
            if values != right(reader, root, run):
                found.append("other values")
    shutil.rmtree(harmed / address.home(stage))
    shutil.copytree(root / address.home(stage), harmed / address.home(stage))
    return found


@settings(max_examples=fuzzing.examples(150))
@given(seed=st.integers(0, 2**32))
def test_damage_is_caught_or_changes_nothing(artifacts, seed):
    chance = random.Random(seed)
    stage = chance.choice(list(FILES))
    kind, reader = chance.choice((*IN_A_FILE, *[swapped, replaced] * 3)), chance.choice(READERS[stage])
    assert wrong(artifacts, stage, kind, chance, reader) == []


@pytest.mark.parametrize(("stage", "reader"), [("jacobian", old_blocks), ("spectrum", old_table)])
def test_the_rule_of_before_is_found_out(artifacts, stage, reader):
    """Negative control: blocks, and tables with their SHA256SUMS, in each other's place."""
    tried = [wrong(artifacts, stage, swapped, random.Random(seed), reader) for seed in range(30)]
    assert ["other values"] in [each[:1] for each in tried]


class Linear:
    """A matrix that counts its products."""

    def __init__(self, A):
        self.A, self.operator, self.count = A, aslinearoperator(A), 0

    def matmat(self, X):
        self.count += 1
        return self.A @ X

    dtype, shape = np.dtype("float64"), (SIZE, SIZE)


@settings(max_examples=fuzzing.examples(50))
@given(seed=st.integers(0, 2**32))
def test_remembered_products_are_right_whatever_lies_there(seed):
    """A cache: what is damaged, or another operator's, is computed again and replaced."""
    chance, draw = random.Random(seed), np.random.default_rng(0)
    X, A, B = draw.standard_normal((SIZE, 2)), draw.standard_normal((SIZE, SIZE)), draw.standard_normal((SIZE, SIZE))
    with tempfile.TemporaryDirectory() as name:
        files = []
        for operator, matrix in (("J", A), ("J_minus_identity", B)):
            kept = Remembered(Linear(matrix), Path(name, f"products-{operator}"))
            _ = kept @ X, kept @ (2 * X)
            files += [kept.folder / "0.npz", kept.folder / "1.npz"]
        kind = chance.choice([*IN_A_FILE, swap, swap])
        if kind is swap:
            swap(files[0], chance.choice(files[1:]))
        else:
            content = bytearray(files[0].read_bytes())
            kind(content, chance)
            files[0].write_bytes(content)
        np.testing.assert_array_equal(Remembered(Linear(A), files[0].parent) @ X, A @ X)
        again = Linear(A)
        np.testing.assert_array_equal(Remembered(again, files[0].parent) @ X, A @ X)
        assert again.count == 0  # it was put right, or never wrong
