"""What the operating system refuses is told as what it is: no file is to be deleted for it."""

import errno
import fcntl
import json
import os
import resource
import tempfile
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from training_jacobian import cli
from training_jacobian.artifacts import address, integrity, oserrors, store
from training_jacobian.artifacts.raw import ready
from training_jacobian.artifacts.raw_file import Raw
from training_jacobian.learning.datasets import _idx, cifar10

MADE = {"stage": "data", "parameters": {}, "code": {}}
AGAIN = "run the same command again"


@pytest.fixture
def folder():
    """A folder that everybody may look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def write(path):
    if path.suffix == ".h5":
        store.write_hdf5(path, {"a": np.arange(4000.0)}, MADE, dtype="float64")
    else:
        store.write_csv(path, pd.DataFrame({"a": np.arange(40.0)}))


def read(path):
    if path.suffix == ".h5":
        store.read_hdf5(path, MADE, "data")
    elif path.suffix == ".raw":
        ready(path, Raw(path.name, f"sha256:{'0' * 64}", ("http://localhost/x.gz",)))
    else:
        store.check(path)


@contextmanager
def limited(kind, value):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@contextmanager
def unprivileged():
    """Root may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def locked(path):
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as HDF5 does in another process that has it open "r+"
        yield


@contextmanager
def replaced(path, make):
    path.unlink()
    make(path)
    yield


@contextmanager
def closed(path):
    path.chmod(0)
    with unprivileged():
        yield


READING = {
    "lock": (locked, "Resource temporarily unavailable; another program has it open and locked: close that"),
    "permission": (closed, "Permission denied; have it allowed"),
    "files": (lambda path: limited(resource.RLIMIT_NOFILE, 3), "Too many open files; raise the limit .*ulimit -n"),
    "folder": (
        lambda path: replaced(path, Path.mkdir),
        "Is a directory; a folder is where a file belongs",
    ),
    "pipe": (lambda path: replaced(path, os.mkfifo), "No such device or address; a pipe, a socket or a device"),
    "circle": (
        lambda path: replaced(path, lambda path: path.symlink_to(path.name)),
        "Too many levels of symbolic links",
    ),
    "missing": (lambda path: replaced(path, lambda path: None), "missing; run"),
}


@pytest.mark.parametrize(("kind", "name"), sorted({*product(READING, ("x.h5", "x.csv"))} - {("lock", "x.csv")}))
def test_what_cannot_be_read(folder, kind, name):
    path = folder / name
    write(path)
    make, told = READING[kind]
    with make(path), pytest.raises(store.ArtifactError, match=f"{name}: .*{told}") as refused:
        read(path)
    assert AGAIN in str(refused.value)
    assert "delete" not in str(refused.value)


def test_a_file_that_another_program_is_writing_is_not_called_damaged(folder):
    path = folder / "x.h5"
    write(path)
    with path.open("r+b") as file:
        file.seek(3000)
        file.write(b"half")
    with locked(path), pytest.raises(store.ArtifactError, match="another program has it open and locked"):
        read(path)
    with pytest.raises(store.ArtifactError, match=r"damaged .*; delete"):  # negative control: nobody is
        read(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that fails to be read")
@pytest.mark.parametrize("name", ["x.h5", "x.csv"])
def test_a_failing_disk(folder, name, monkeypatch):
    path = folder / name
    write(path)
    real = Path.open
    failing = lambda self, *mode, **other: real(Path("/proc/self/mem") if self == path else self, *mode, **other)
    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(store.ArtifactError, match=f"{name}: cannot be read: Input/output error; the disk"):
        read(path)


@pytest.mark.parametrize("code", sorted({*oserrors.REMEDIES, errno.ERANGE} - {errno.ENOENT}))
def test_every_cause_has_its_remedy(folder, code, monkeypatch):
    """Also those that cannot be had here: quotas, memory, network file systems."""
    path = folder / "x.h5"
    write(path)
    text = f"Can't synchronously read data (file read failed, errno = {code}, error message = '')"
    for error in (OSError(code, text), RuntimeError(text)):  # h5py has both

        def fail(*_, error=error, **__):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(h5py, "File", fail)
            with pytest.raises(store.ArtifactError) as refused:
                read(path)
        assert str(refused.value) == str(oserrors.told(path, code))
        assert str(refused.value).startswith(str(path))
        assert os.strerror(code) in str(refused.value).replace("no space", "No space")
        assert "delete" not in str(refused.value)
        assert str(refused.value).endswith(AGAIN)


def test_memory_is_told_as_memory(folder, monkeypatch):
    write(folder / "x.h5")

    def fail(*_, **__):
        np.empty(2**55)

    monkeypatch.setattr(h5py, "File", fail)
    with pytest.raises(MemoryError, match="Unable to allocate"):
        read(folder / "x.h5")


WRITING = {
    "size": (
        lambda folder: limited(resource.RLIMIT_FSIZE, 9000),
        "x.h5",
        "File too large; raise .*ulimit -f",
    ),
    "permission": (lambda folder: unprivileged(), "x.h5", "Permission denied; have it allowed"),
    "files": (lambda folder: limited(resource.RLIMIT_NOFILE, 3), "x.h5", "Too many open files; raise"),
    "name": (
        lambda folder: limited(resource.RLIMIT_NOFILE, 99),
        f"{'x' * 250}.h5",
        "File name too long; put the",
    ),
    "file": (lambda folder: replaced(folder / "y", Path.touch), "y/x.h5", "a file is where a folder belongs: move it"),
}


@pytest.mark.parametrize("kind", WRITING)
def test_what_cannot_be_written(folder, kind):
    make, name, told = WRITING[kind]
    (folder / "y").touch()
    with make(folder), pytest.raises(store.ArtifactError, match=told) as refused:
        write(folder / name)
    assert AGAIN in str(refused.value)
    assert str(folder) in str(refused.value)
    assert [each.name for each in folder.iterdir()] == ["y"]  # nothing half-written, under no name
    write(folder / "x.h5")  # negative control
    read(folder / "x.h5")


def test_a_folder_under_the_name(folder):
    (folder / "x.csv").mkdir()
    with pytest.raises(store.ArtifactError, match=r"x\.csv: cannot be written: Is a directory; a folder"):
        write(folder / "x.csv")


@pytest.mark.parametrize("most", [500, 3000, 20_000, 34_000, 60_000])
def test_files_too_large_at_any_moment(folder, most):
    """HDF5 keeps small data until it closes a file, and crashes where it cannot write it then."""
    with (
        limited(resource.RLIMIT_FSIZE, most),
        pytest.raises(store.ArtifactError, match=r"x\.h5: .*: File too"),
    ):
        write(folder / "x.h5")
    assert list(folder.iterdir()) == []


def test_another_file_is_named(folder):
    with pytest.raises(store.ArtifactError, match=r"other\.csv: missing; run"), store.whole(folder / "x.csv"):
        (folder / "other.csv").read_text()


@pytest.mark.parametrize("kind", ["permission", "files"])
def test_raw_files(folder, kind):
    path = folder / "x.raw"
    path.write_bytes(b"content")
    make, told = READING[kind]
    with make(path), pytest.raises((store.ArtifactError, RuntimeError), match=told.split(";")[0]):
        read(path)


@pytest.mark.parametrize("load", [lambda path: cifar10.load([path]), _idx.read])
def test_data_sets_do_not_call_a_refusal_damage(folder, load):
    with pytest.raises(IsADirectoryError):
        load(folder)


def test_in_a_job(folder, monkeypatch, capsys):
    """The command says what the store says."""
    monkeypatch.chdir(folder)
    recipe = {"stage": "svd", "parameters": {}, "code": {}, "from": {"stage": "jacobian", "parameters": {}, "code": {}}}
    Path("recipe").write_text(json.dumps(recipe))
    read = address.path(recipe["from"], "jacobian.h5")
    store.write_hdf5(Path(read), {"J": np.eye(3)}, recipe["from"], dtype="float64")
    job = ["job", "svd", "--recipe", "recipe", "--out", address.path(recipe, "svd.h5")]
    with locked(Path(read)):
        assert cli.main(job) == 1
    assert f"{read}: cannot be read: Resource temporarily unavailable; another program" in capsys.readouterr().err
    assert cli.main(job) == 0
    assert integrity.check(Path(job[-1]).rename(Path(job[-1])))
