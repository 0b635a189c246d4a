"""A linear map without biases: with cross-entropy softmax regression.  With biases it is `mlp` with `hidden: []`."""

from typing import Any, Literal

import numpy as np

from training_jacobian.learning.layout import Shapes
from training_jacobian.section import Section


class Options(Section):
    name: Literal["linear"]


def shapes(options: dict[str, Any], inputs: int, classes: int) -> Shapes:
    """Name and shape of the one part of theta, (in, out), row-major."""
    return {"kernel": (inputs, classes)}


def apply(options: dict[str, Any], parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (..., classes) of inputs (..., d)."""
    return inputs @ parameters["kernel"]


def untouched(shapes: Shapes, inputs: np.ndarray, gauge: np.ndarray) -> np.ndarray:
    """Orthonormal basis (N, b) float64 of the directions of theta that change no loss on `inputs` (n, d).

    Outputs are Z = X K.  K + w c^T, c one of the columns of `gauge` (classes, g), adds (x . w) c to the outputs of an
    example x, which the loss ignores; K + w c^T with X w = 0 adds nothing.  Both hold for each example, so for each
    batch.
    """
    import scipy.linalg

    features, classes = shapes["kernel"]
    null = scipy.linalg.null_space(np.linalg.qr(np.asarray(inputs, np.float64), mode="r"))  # (d, dependent)
    made = np.hstack([np.kron(np.eye(features), gauge), np.kron(null, np.eye(classes))])
    return scipy.linalg.orth(made) if made.shape[1] else made
