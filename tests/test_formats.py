"""Formats of downloaded data sets: IDX and the archive of CIFAR-10; the real files where they are."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT
from training_jacobian.artifacts import raw
from training_jacobian.learning import split as splits
from training_jacobian.learning.datasets import _idx, cifar10, fashion_mnist, mnist

SHARED = ROOT.parent / "shared/data/mnist"
FASHION = Path("/usr/share/datasets/fashion-mnist"), ROOT / "data/raw/fashion_mnist"  # Debian's package, a download


def test_idx(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(b"\0\0\x08\x03" + (2).to_bytes(4) + (3).to_bytes(4) + (4).to_bytes(4) + bytes(range(24)))
    np.testing.assert_array_equal(_idx.read(path), np.arange(24).reshape(2, 3, 4))
    whole = path.read_bytes()
    for content in (b"", b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", b"<html>", whole[:-1], whole[:9], whole[:4], whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an IDX file of bytes, or cut off; delete it"):
            _idx.read(path)


@pytest.mark.skipif(not SHARED.exists(), reason=f"no MNIST in {SHARED}")
def test_mnist(tmp_path):
    for packed in SHARED.glob("*.gz"):
        (tmp_path / packed.name).write_bytes(packed.read_bytes())
    paths = [raw.fetch(each, tmp_path) for each in mnist.RAW]
    split = splits.first("mnist", paths, 60000, 10000)
    assert (split["inputs_train"].shape, split["inputs_test"].shape) == ((60000, 784), (10000, 784))
    assert list(split["labels_train"][:5]) == [5, 0, 4, 1, 9]
    assert list(split["labels_test"][:5]) == [7, 2, 1, 0, 4]
    assert split["inputs_train"].mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert len(splits.first("mnist", paths, 100, 50)["inputs_test"]) == 50
    with pytest.raises(raw.RawError, match="expected"):  # negative control: one set's file for another's
        raw.ready(paths[0], fashion_mnist.RAW[0])


def test_fashion_mnist(tmp_path):
    files = [path for folder in FASHION for path in folder.glob("*ubyte.gz")]
    if len(files) < 4:
        pytest.skip(f"no Fashion-MNIST in {' or '.join(map(str, FASHION))}")
    for packed in files:
        (tmp_path / packed.name).write_bytes(packed.read_bytes())
    paths = [raw.fetch(each, tmp_path) for each in fashion_mnist.RAW]
    split = splits.first("fashion_mnist", paths, 60000, 10000)
    assert [list(np.bincount(split[f"labels_{part}"])) for part in ("train", "test")] == [[6000] * 10, [1000] * 10]
    assert list(split["labels_train"][:5]) == [9, 0, 0, 3, 0]  # an ankle boot, two T-shirts, a dress, a T-shirt
    assert split["inputs_train"].mean() / 255 == pytest.approx(0.2860, abs=1e-4)


def archive(path: Path, names, size=10000 * cifar10.RECORD):
    """An archive in CIFAR-10's format: in batch b all labels are b, all pixels 10 b."""
    with tarfile.open(path, "w:gz", compresslevel=1) as made:
        for b, name in enumerate(names):
            record = np.full((size // cifar10.RECORD, cifar10.RECORD), 10 * b, np.uint8)
            record[:, 0] = b
            member = tarfile.TarInfo(name)
            member.size = record.size
            made.addfile(member, io.BytesIO(record.tobytes()))
    return path


def test_cifar10(tmp_path):
    inputs, labels = cifar10.load([archive(tmp_path / "a.tar.gz", cifar10.BATCHES)])
    assert (inputs.shape, inputs.dtype, labels.dtype) == ((60000, 3072), np.uint8, np.int64)
    np.testing.assert_array_equal(labels, np.repeat(range(6), 10000))
    assert (inputs == 10 * labels[:, None]).all()


@pytest.mark.parametrize("member", ["../evil.bin", "/etc/evil.bin", f"{cifar10.FOLDER}/../../evil.bin", "evil.bin"])
def test_archives_that_reach_outside_are_refused(tmp_path, member):
    path = archive(tmp_path / "a.tar.gz", [member], cifar10.RECORD)
    with pytest.raises(ValueError, match="has no business in CIFAR-10; delete"):
        cifar10.load([path])
    assert [each.name for each in tmp_path.iterdir()] == ["a.tar.gz"]


def test_broken_archives_are_refused(tmp_path):
    path = archive(tmp_path / "a.tar.gz", cifar10.BATCHES[:-1], cifar10.RECORD)
    with pytest.raises(ValueError, match=r"data_batch_1\.bin is missing or has a wrong length"):
        cifar10.load([path])
    whole = path.read_bytes()
    for content in (whole[:100], whole[: len(whole) // 2], whole[:40] + b"x" * 9 + whole[49:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"not a whole archive|is missing or has a wrong length"):
            cifar10.load([path])
    path.write_bytes(b"<html>")
    with pytest.raises(ValueError, match="not a whole archive"):
        cifar10.load([path])
