"""The IDX format of MNIST and Fashion-MNIST: a magic number, the shape, then bytes."""

import math
import struct
from pathlib import Path

import numpy as np

from training_jacobian.artifacts.raw_file import Raw

SIZES = {
    "train-images-idx3-ubyte": 47040016,
    "train-labels-idx1-ubyte": 60008,
    "t10k-images-idx3-ubyte": 7840016,
    "t10k-labels-idx1-ubyte": 10008,
}


def files(digests: tuple[str, ...], mirrors: tuple[str, ...]) -> tuple[Raw, ...]:
    """The four files of a set of this kind, by the SHA-256 of their content, in the order of SIZES."""
    return tuple(
        Raw(name, f"sha256:{digest}", tuple(f"{mirror}/{name}.gz" for mirror in mirrors), size)
        for (name, size), digest in zip(SIZES.items(), digests, strict=True)
    )


def read(path: Path) -> np.ndarray:
    """The array (n, ...) uint8 of an IDX file.  Raises ValueError if it is none."""
    content = path.read_bytes()
    start = 4 + 4 * content[3] if len(content) > 3 else 4
    shape = struct.unpack_from(f">{content[3]}I", content, 4) if 4 < start <= len(content) else ()
    if content[:3] != b"\x00\x00\x08" or not shape or len(content) - start != math.prod(shape):
        raise ValueError(f"{path}: not an IDX file of bytes, or cut off; delete it and run the same command again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def load(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (70000, 784) uint8 and labels (70000,) int64: 60000 training examples, then 10000 for testing."""
    train_images, train_labels, test_images, test_labels = map(read, paths)
    inputs = np.concatenate([train_images.reshape(60000, 784), test_images.reshape(10000, 784)])
    return inputs, np.concatenate([train_labels, test_labels]).astype(np.int64)
