"""CIFAR-10, binary version: colour photographs of 32x32 pixels (Krizhevsky 2009).  Nothing is unpickled."""

import io
import tarfile
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from training_jacobian.artifacts.raw_file import Raw
from training_jacobian.learning.datasets._images import Images

TRAIN, EXAMPLES, INPUTS, CLASSES = 50000, 60000, 3072, 10
RAW = (
    Raw(
        "cifar-10-binary.tar.gz",
        "md5:c32a1d4ab5d03f1284b67883e8d87530",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        170052171,
    ),
)
FOLDER = "cifar-10-batches-bin"
BATCHES = (*(f"{FOLDER}/data_batch_{i}.bin" for i in range(1, 6)), f"{FOLDER}/test_batch.bin")
RECORD = 1 + INPUTS  # label, then 1024 bytes of red, of green, of blue


def load(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (60000, 3072) uint8, by channel, row and column, and labels (60000,) int64; the last 10000 for testing.

    The batches are read from the archive, which is never unpacked to disk.  Raises ValueError on anything that an
    archive of CIFAR-10 does not hold.
    """
    (path,) = paths
    remedy = f"delete {path} and run the same command again"
    parts, packed = {}, io.BytesIO(path.read_bytes())  # so that what the system refuses is not taken for a bad archive
    try:
        with tarfile.open(fileobj=packed, mode="r:gz") as archive:
            for member in archive:
                inside = member.name.split("/")
                if inside[0] != FOLDER or ".." in inside or not (member.isfile() or member.isdir()):
                    raise ValueError(f"{path}: member {member.name!r} has no business in CIFAR-10; {remedy}")
                if member.name in BATCHES:
                    file = archive.extractfile(member)
                    parts[member.name] = np.frombuffer(file.read() if file else b"", np.uint8)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole archive ({error}); {remedy}") from None
    for name in BATCHES:
        if len(parts.get(name, ())) != EXAMPLES // 6 * RECORD:
            raise ValueError(f"{path}: {name} is missing or has a wrong length; {remedy}")
    records = np.concatenate([parts[name] for name in BATCHES]).reshape(-1, RECORD)
    return records[:, 1:], records[:, 0].astype(np.int64)


class Options(Images):
    name: Literal["cifar10"]

    @property
    def picture(self) -> tuple[int, ...]:
        """Colours, rows and columns of an example."""
        return (3, 32, 32)
