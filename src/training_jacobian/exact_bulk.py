"""The exact bulk: directions that no gradient can ever touch, so that J b = b whatever the data's labels or the steps.

Two kinds (PAPER section 4 has only the numerical bulk; this part of it has a closed form):
- softmax gauge: the same number added to every class's output weight from one hidden unit, or to every class's bias;
- dependent inputs: weights w from the inputs to one unit, and its bias b, with x . w + b = 0 for every training example
  x; for instance the weight from an input that is always zero.
It holds for SGD, with or without momentum.
"""

import numpy as np
import scipy.linalg

from training_jacobian.layout import size, slices
from training_jacobian.models.mlp import Shapes


def basis(shapes: Shapes, inputs: np.ndarray) -> np.ndarray:
    """Orthonormal basis (N, b) float64 of the directions of an MLP's theta that change no output on `inputs` (n, d)."""
    where, names = slices(shapes), list(shapes)
    first_bias, first_kernel, last_bias, last_kernel = *names[:2], *names[-2:]
    hidden, classes = shapes[last_kernel]
    seen = np.hstack([np.asarray(inputs, np.float64), np.ones((len(inputs), 1))])
    null = scipy.linalg.null_space(np.linalg.qr(seen, mode="r"))  # (d + 1, dependent)

    def columns(parts: dict[str, np.ndarray]) -> np.ndarray:
        made = np.zeros((size(shapes), next(iter(parts.values())).shape[1]))
        for part, values in parts.items():
            made[where[part]] = values
        return made

    units, same = np.eye(shapes[first_kernel][1]), np.ones((classes, 1))
    bias, gauge = columns({last_bias: same}), columns({last_kernel: np.kron(np.eye(hidden), same)})
    dependent = columns({first_kernel: np.kron(null[:-1], units), first_bias: np.kron(null[-1:], units)})
    return scipy.linalg.orth(np.hstack([bias, gauge, dependent]))


def defect(U: np.ndarray, S: np.ndarray, Vt: np.ndarray, basis: np.ndarray) -> float:
    """max_b |J b - b| over the columns of `basis` (N, b): zero but for rounding if the prediction holds."""
    return float(np.linalg.norm((U * S) @ (Vt @ basis) - basis, axis=0).max())
