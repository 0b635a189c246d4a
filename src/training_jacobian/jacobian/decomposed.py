"""The training Jacobian as people use it in a session: its SVD, and its rows and directions by name.

Apart from operator.py, so that an edit here makes no stored Jacobian be computed again.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np

from training_jacobian.jacobian import operator
from training_jacobian.jacobian.operator import CHUNK
from training_jacobian.spectral import partial_svd, svd


class Svd(NamedTuple):
    """J = U diag(S) Vt."""

    U: np.ndarray
    S: np.ndarray
    Vt: np.ndarray


class Triplets(NamedTuple):
    """The largest singular triplets, U (n, r), S (r,), Vt (r, n), and bounds (r,) on the error of each of S."""

    U: np.ndarray
    S: np.ndarray
    Vt: np.ndarray
    bound: np.ndarray


class TrainingJacobian(operator.TrainingJacobian):
    __doc__ = operator.TrainingJacobian.__doc__

    @property
    def names(self) -> dict[str, slice]:
        """Rows, and columns, of each named part of theta."""
        return self.trajectory.names

    def unravel(self, v: Any) -> Any:
        """A vector (N,), such as a direction or a column of J, as the parameters are: by name, or as their pytree."""
        v = np.asarray(v)
        if v.shape != self.trajectory.start.theta.shape:
            raise ValueError(f"v has shape {v.shape}; give {self.trajectory.start.theta.shape}, one number a parameter")
        return self.trajectory.unravel(v)

    def dense(self) -> np.ndarray:
        """J as an array (n, n)."""
        return self.columns(0, self.shape[1])

    def svd(self) -> Svd:
        """J = U diag(S) Vt, all (n, n) and S (n,) falling, in float64, its residual checked (spectral/svd.py)."""
        made = svd.decompose(self.dense())
        return Svd(made["U"], made["S"], made["Vt"])

    def partial_svd(
        self, rank: int, tolerance: float = 1e-6, products: int | None = None, block: int | None = None, seed: int = 0
    ) -> Triplets:
        """The `rank` largest singular triplets without forming J, each with a bound on the error of its value.

        At most `products` with J and with J^T, by default 10 `rank` and 100, `block` vectors together, by default
        `rank`.  What has not converged to `tolerance` is left out, with a warning.
        """
        size = self.shape[0]
        most = min(size, max(10 * rank, 100)) if products is None else products
        found = partial_svd.largest(self, rank, tolerance, block or min(rank, CHUNK), most, seed)
        good = found["converged"]
        if not good.all():
            warnings.warn(f"{good.sum()} of {rank} triplets have converged; raise products = {most}", stacklevel=2)
        return Triplets(found["U"][:, good], found["S"][good], found["Vt"][good], found["bound"][good])
