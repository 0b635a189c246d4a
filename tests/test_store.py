"""Artifacts are whole or absent, and damaged or foreign ones are named before they are used."""

import errno
import os
import subprocess

import h5py
import numpy as np
import pandas as pd
import pytest

from training_jacobian import __version__, recipe, store
from training_jacobian.stages.gather import make_jacobian

MADE = {"stage": "data", "parameters": {"data": {"name": "x"}}, "code": {}}
GATHERED = {"stage": "jacobian", "parameters": {}, "code": {}}
NEXT = {"stage": "train", "parameters": {}, "code": {}, "from": MADE}


def write(path, values=None):
    values = np.arange(4000.0) if values is None else values
    store.write_hdf5(path, {"a": values, "group/b": np.arange(3)}, MADE, dtype="float64")
    return path


def test_round_trip_and_description(tmp_path):
    path = write(tmp_path / "x.h5")
    read = store.read_hdf5(path, NEXT, "data")
    np.testing.assert_array_equal(read["a"], np.arange(4000.0))
    np.testing.assert_array_equal(read["group/b"], np.arange(3))
    assert list(store.read_hdf5(path, NEXT, "data", ["a"])) == ["a"]
    with h5py.File(path) as file:
        attributes = dict(file.attrs)
    assert attributes["key"] == recipe.key(MADE)
    assert attributes["version"] == __version__
    assert attributes["dtype"] == "float64"
    assert attributes["recipe"] == recipe.canonical(MADE)


def test_same_bytes_every_time(tmp_path):
    assert write(tmp_path / "x.h5").read_bytes() == write(tmp_path / "y.h5").read_bytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_refused(tmp_path, bad):
    with pytest.raises(store.ArtifactError, match="a is not finite; nothing was written"):
        write(tmp_path / "x.h5", np.array([1.0, bad]))
    assert not list(tmp_path.iterdir())


def test_rows_in_pieces_are_the_whole(tmp_path):
    values = np.random.default_rng(0).standard_normal((7, 5))
    store.write_rows(tmp_path / "x.h5", "a", iter((values[:3], values[3:])), values.shape, MADE, dtype="float64")
    store.write_hdf5(tmp_path / "y.h5", {"a": values}, MADE, dtype="float64")
    assert (tmp_path / "x.h5").read_bytes() == (tmp_path / "y.h5").read_bytes()


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ((np.ones((2, 5)), np.full((1, 5), np.inf)), "a is not finite; nothing was written"),
        ((np.ones((2, 5)),), "a has 2 rows, not 3; nothing was written"),
    ],
)
def test_bad_rows_leave_nothing(tmp_path, pieces, told):
    with pytest.raises(store.ArtifactError, match=told):
        store.write_rows(tmp_path / "x.h5", "a", pieces, (3, 5), MADE, dtype="float64")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def blocks(tmp_path):
    """J (5, 5), and the files of its columns 0, 1 and 2, 3 and 4."""
    J = np.random.default_rng(0).standard_normal((5, 5))
    files = []
    for first in (0, 2, 4):
        rows = J[:, first : first + 2].T
        files.append(tmp_path / f"columns-{first}-{first + len(rows)}.h5")
        store.write_rows(files[-1], "columns", [rows], rows.shape, GATHERED, dtype="float64", first=first)
    return J, files


def test_blocks_are_gathered_and_what_killed_jobs_left_is_deleted(tmp_path, blocks):
    J, files = blocks
    left = [tmp_path / "columns-0-3.h5", tmp_path / ".columns-0-2.h5.x.partial"]
    for each in left:
        each.write_bytes(b"numbers")
    make_jacobian(GATHERED, files, tmp_path / "jacobian.h5")
    np.testing.assert_array_equal(store.read_hdf5(tmp_path / "jacobian.h5", GATHERED, "jacobian")["J"], J)
    assert not any(each.exists() for each in left)
    assert all(each.exists() for each in files)  # Snakemake deletes those


@pytest.mark.parametrize(("chosen", "count"), [((0, 1), 4), ((0, 1, 2, 2), 6)])
def test_too_few_or_too_many_columns_are_refused(tmp_path, blocks, chosen, count):
    with pytest.raises(store.ArtifactError, match=f"the blocks have {count} columns, not 5"):
        make_jacobian(GATHERED, [blocks[1][i] for i in chosen], tmp_path / "jacobian.h5")
    assert not (tmp_path / "jacobian.h5").exists()


def test_an_error_leaves_nothing_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "x.csv"
    store.write_csv(path, pd.DataFrame({"a": [1]}))
    with pytest.raises(RuntimeError, match="in the middle"), store.whole(path) as partial:
        partial.write_text("half")
        raise RuntimeError("in the middle")
    assert {each.name for each in tmp_path.iterdir()} == {"x.csv", "SHA256SUMS"}
    assert path.read_text() == "a\n1\n"


def test_a_full_disk_is_told(tmp_path):
    told = "x.csv: no space left on device, nothing was written; make room"
    with pytest.raises(store.ArtifactError, match=told), store.whole(tmp_path / "x.csv"):
        raise OSError(errno.ENOSPC, "noise")
    with pytest.raises(PermissionError), store.whole(tmp_path / "x.csv"):  # others stay what they are
        raise PermissionError(errno.EACCES, "denied")
    assert not list(tmp_path.iterdir())


def test_orphans_of_killed_jobs_are_removed(tmp_path):
    for name in (".x.h5.killed.partial", ".x.h5.writing.partial", ".other.h5.killed.partial"):
        (tmp_path / name).write_text("half")
        if "killed" in name:
            os.utime(tmp_path / name, (0, 0))
    write(tmp_path / "x.h5")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        ".other.h5.killed.partial",
        ".x.h5.writing.partial",
        "SHA256SUMS",
        "x.h5",
    ]


def test_truncated_file_is_named(tmp_path):
    path = write(tmp_path / "x.h5")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(store.ArtifactError, match=r"x\.h5: missing or damaged .*; delete .*x\.h5 and run"):
        store.read_hdf5(path, NEXT, "data")


def test_flipped_bit_is_named(tmp_path):
    path = write(tmp_path / "x.h5")
    content = bytearray(path.read_bytes())
    where = content.find(np.float64(1234.0).tobytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(store.ArtifactError, match=r"x\.h5: a is damaged \(SHA-256 differs\); delete"):
        store.read_hdf5(path, NEXT, "data")


def test_artifact_of_another_recipe_is_named(tmp_path):
    other = {**NEXT, "from": {**MADE, "parameters": {"data": {"name": "y"}}}}
    with pytest.raises(store.ArtifactError, match=f"made by recipe {recipe.key(MADE)}, expected"):
        store.read_hdf5(write(tmp_path / "x.h5"), other, "data")


def test_checksums_are_those_of_sha256sum(tmp_path):
    write(tmp_path / "x.h5")
    store.write_csv(tmp_path / "y.csv", pd.DataFrame({"a": [1]}))
    write(tmp_path / "columns-0-3.h5")  # temporary: not noted
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "x.h5: OK\ny.csv: OK\n"


def test_a_damaged_table_is_named_before_it_is_read(tmp_path):
    path = tmp_path / "x.csv"
    store.write_csv(path, pd.DataFrame({"a": [1]}))
    assert store.check(path) == path
    path.write_text("a\n2\n")
    with pytest.raises(store.ArtifactError, match=r"x\.csv: damaged \(SHA-256 differs\); delete .*x\.csv and run"):
        store.check(path)
    path.unlink()
    with pytest.raises(store.ArtifactError, match=r"x\.csv: missing; delete"):
        store.check(path)
    (tmp_path / "old.csv").write_text("a\n")
    assert store.check(tmp_path / "old.csv")  # written before checksums were noted


def test_missing_file_is_named(tmp_path):
    with pytest.raises(store.ArtifactError, match=r"x\.h5: missing or damaged"):
        store.read_hdf5(tmp_path / "x.h5", NEXT, "data")


def test_csv_gives_floats_back_exactly(tmp_path):
    values = np.random.default_rng(0).standard_normal(100) * 1e-13
    store.write_csv(tmp_path / "x.csv", pd.DataFrame({"a": values}))
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "x.csv")["a"], values)
