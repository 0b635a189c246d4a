"""Artifacts are whole or absent, and damaged or foreign ones are named before they are used."""

import errno
import os
import subprocess

import h5py
import numpy as np
import pandas as pd
import pytest

from training_jacobian import __version__
from training_jacobian.artifacts import address, store
from training_jacobian.stages import gather

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
    assert attributes["key"] == address.key(MADE)
    assert attributes["version"] == __version__
    assert attributes["dtype"] == "float64"
    assert attributes["recipe"] == address.canonical(MADE)


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
    gather.make(GATHERED, files, tmp_path / "jacobian.h5")
    np.testing.assert_array_equal(store.read_hdf5(tmp_path / "jacobian.h5", GATHERED, "jacobian")["J"], J)
    assert not any(each.exists() for each in left)
    assert all(each.exists() for each in files)  # Snakemake deletes those


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ((0, 1), "the blocks have 4 columns, not 5"),
        ((0, 1, 2, 2), "columns-4-5.h5: holds the columns from 4 on, 1 of them, where those from 5 on belong; delete"),
        ((1, 0, 2), "columns-2-4.h5: holds the columns from 2 on, 2 of them, where those from 0 on belong; delete"),
    ],
)
def test_too_few_or_too_many_columns_are_refused(tmp_path, blocks, chosen, told):
    with pytest.raises(store.ArtifactError, match=told):
        gather.make(GATHERED, [blocks[1][i] for i in chosen], tmp_path / "jacobian.h5")
    assert not (tmp_path / "jacobian.h5").exists()


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2)])
def test_blocks_under_each_other_s_names_are_refused(tmp_path, blocks, one, other):
    """Of one recipe, and whole: each says itself which columns it holds."""
    first, second = blocks[1][one], blocks[1][other]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(store.ArtifactError, match=r"columns-0-2\.h5: holds the columns from .*; delete .*columns-0-2"):
        gather.make(GATHERED, blocks[1], tmp_path / "jacobian.h5")


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
    with pytest.raises(store.ArtifactError, match=r"x\.h5: damaged \(SHA-256 differs\); delete .*x\.h5 and run"):
        store.read_hdf5(path, NEXT, "data")


def test_flipped_bit_is_named(tmp_path):
    path = write(tmp_path / "x.h5")
    content = bytearray(path.read_bytes())
    where = content.find(np.float64(1234.0).tobytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(store.ArtifactError, match=r"x\.h5: damaged \(SHA-256 differs\); delete"):
        store.read_hdf5(path, NEXT, "data")


SIGNED = b"\x11\x20\x3f\x00\x08\x00\x00\x00"  # HDF5's message: little-endian floats of 8 bytes
SHAPE = b"".join(size.to_bytes(8, "little") for size in (3, 4, 3, 4))  # and the largest it may get


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SIGNED, SIGNED.replace(b"\x20", b"\x21")),  # big-endian: the same bytes are other numbers
        (SHAPE, SHAPE[8:] + SHAPE[:8]),
        (b"every", b"eveRy"),
        ((7).to_bytes(8, "little"), (9).to_bytes(8, "little")),  # the attribute
    ],
)
def test_damage_outside_the_numbers_is_named(tmp_path, old, new):
    """What says how the bytes of a dataset are to be read is in no dataset."""
    path = tmp_path / "x.h5"
    store.write_hdf5(path, {"a": np.arange(12.0).reshape(3, 4)}, MADE, every=7)
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    for read in (lambda: store.read_hdf5(path, NEXT, "data"), lambda: store.Rows(path, NEXT, "data", ["a"])):
        with pytest.raises(store.ArtifactError, match=r"x\.h5: damaged \(SHA-256 differs\); delete .*x\.h5 and run"):
            read()
    path.write_bytes(content)  # negative control
    np.testing.assert_array_equal(store.read_hdf5(path, NEXT, "data")["a"], np.arange(12.0).reshape(3, 4))


def test_rows_of_a_file_that_is_changed_later_are_checked_again(tmp_path):
    path = write(tmp_path / "x.h5")
    rows, content = store.Rows(path, NEXT, "data", ["a"]), path.read_bytes()
    assert len(rows) == 4000
    path.write_bytes(content.replace(np.float64(1234.0).tobytes(), np.float64(1235.0).tobytes()))
    with pytest.raises(store.ArtifactError, match=r"x\.h5: damaged"):
        rows[1200:1300]
    path.write_bytes(content)  # negative control: touched, but right
    np.testing.assert_array_equal(rows[1200:1300][0], np.arange(1200.0, 1300.0))


def addresses(root):
    """Two folders of one stage, each with a table and what describes it."""
    folders = []
    for name in ("x", "y"):
        made = {"stage": "spectrum", "parameters": {"name": name}, "code": {}}
        folders.append(root / address.path(made))
        store.write_recipe(folders[-1], made, "float64")
        store.write_csv(folders[-1] / "a.csv", pd.DataFrame({"a": [name]}))
    return folders


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a.csv"], r"a\.csv: damaged"),
        (["a.csv", "SHA256SUMS"], r"recipe\.json: damaged"),
        (["a.csv", "SHA256SUMS", "recipe.json"], r"a\.csv: made by recipe [0-9a-f]{12}, not that of its folder"),
        (["SHA256SUMS"], "damaged"),
    ],
)
def test_tables_of_another_address_are_named(tmp_path, names, told):
    one, other = addresses(tmp_path)
    for name in names:
        (one / name).rename(tmp_path / name)
        (other / name).rename(one / name)
        (tmp_path / name).rename(other / name)
    for folder in (one, other):
        with pytest.raises(store.ArtifactError, match=f"{told}.*; delete .* and run the same command again"):
            store.check(folder / "a.csv")


def test_a_recipe_beside_a_table_that_is_gone_is_named(tmp_path):
    """To delete it alone would bring it back by no job."""
    folder = addresses(tmp_path)[0]
    assert store.check(folder / "a.csv")
    for harm in (lambda file: file.write_text("{}"), lambda file: file.unlink()):
        harm(folder / "recipe.json")
        with pytest.raises(store.ArtifactError, match=rf"recipe\.json: .*; delete {folder} and run"):
            store.check(folder / "a.csv")


def test_artifact_of_another_recipe_is_named(tmp_path):
    other = {**NEXT, "from": {**MADE, "parameters": {"data": {"name": "y"}}}}
    with pytest.raises(store.ArtifactError, match=f"made by recipe {address.key(MADE)}, expected"):
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
    with pytest.raises(store.ArtifactError, match=r"x\.csv: missing; run the same command again"):
        store.check(path)
    (tmp_path / "other.csv").write_text("a\n")
    with pytest.raises(store.ArtifactError, match=r"other\.csv: SHA256SUMS beside it does not name it"):
        store.check(tmp_path / "other.csv")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(store.ArtifactError, match=r"x\.h5: missing; run the same command again"):
        store.read_hdf5(tmp_path / "x.h5", NEXT, "data")


def test_csv_gives_floats_back_exactly(tmp_path):
    values = np.random.default_rng(0).standard_normal(100) * 1e-13
    store.write_csv(tmp_path / "x.csv", pd.DataFrame({"a": values}))
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "x.csv")["a"], values)
