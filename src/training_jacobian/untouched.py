"""The exact bulk in full: also where inputs are linearly dependent; one that is always zero is a case of that."""

import numpy as np
import scipy.linalg

from training_jacobian import exact_bulk
from training_jacobian.layout import size, slices
from training_jacobian.models.mlp import Shapes


def basis(shapes: Shapes, inputs: np.ndarray) -> np.ndarray:
    """Orthonormal basis (N, b) float64 of the directions of an MLP's theta that change no output on `inputs` (n, d).

    The softmax gauge, as in `exact_bulk`, and weights w (d, h) of the first layer with x . w = 0 for every input: the
    null space of the inputs, for each hidden unit.
    """
    gauge = exact_bulk.basis(shapes, np.ones((1, inputs.shape[1])))
    name = list(shapes)[1]
    units = shapes[name][1]
    null = scipy.linalg.null_space(np.asarray(inputs, np.float64))  # (d, dependent)
    columns = np.zeros((size(shapes), null.shape[1] * units))
    columns[slices(shapes)[name]] = np.kron(null, np.eye(units))
    return scipy.linalg.orth(np.concatenate([gauge, columns], axis=1))
