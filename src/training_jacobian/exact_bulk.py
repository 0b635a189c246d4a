"""The exact bulk: directions that no gradient can ever touch, so that J b = b whatever the data's labels or the steps.

Two kinds (PAPER section 4 has only the numerical bulk; this part of it has a closed form):
- softmax gauge: the same number added to every class's output weight from one hidden unit, or to every class's bias;
- dead inputs: the weights from an input that is zero in every training example.
It holds for SGD, with or without momentum.
"""

from typing import Any

import numpy as np
import scipy.linalg

from training_jacobian.layout import size, slices
from training_jacobian.models.mlp import Shapes


def basis(shapes: Shapes, inputs_train: np.ndarray) -> np.ndarray:
    """Orthonormal basis (N, b) float64 of the predicted exact bulk of an MLP trained on inputs (n, d)."""
    where, columns = slices(shapes), []
    names = list(shapes)
    first_kernel, last_bias, last_kernel = names[1], names[-2], names[-1]

    def direction(part: str, *indices: Any) -> np.ndarray:
        values = np.zeros(shapes[part])
        for index in indices:
            values[index] = 1.0
        theta = np.zeros(size(shapes))
        theta[where[part]] = values.ravel()
        return theta

    columns.append(direction(last_bias, (slice(None),)))
    columns += [direction(last_kernel, (unit,)) for unit in range(shapes[last_kernel][0])]
    for dead in np.flatnonzero(~inputs_train.any(axis=0)):
        columns += [direction(first_kernel, (dead, unit)) for unit in range(shapes[first_kernel][1])]
    return scipy.linalg.orth(np.stack(columns, axis=1))


def defect(U: np.ndarray, S: np.ndarray, Vt: np.ndarray, basis: np.ndarray) -> float:
    """max_b |J b - b| over the columns of `basis` (N, b): zero but for rounding if the prediction holds."""
    return float(np.linalg.norm((U * S) @ (Vt @ basis) - basis, axis=0).max())
