"""Weighted sums, over the steps of a training, of the Hessians of the steps' batches, as operators."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator

from training_jacobian.jacobian.steps import Steps

SEGMENT = 256  # states that are read at a time


class Summed:
    """sum_t w_t H_t, H_t (N, N) the derivative of `gradient(theta, batch)` at theta_t for `batches[t]`.

    For several weights at once: what takes the time are the H_t.  In the dtype of the training.
    """

    def __init__(self, gradient: Callable[[Any, Any], Any], batches: Any, trajectory: Steps) -> None:
        self.gradient, self.batches, self.trajectory = gradient, batches, trajectory

    @cached_property
    def _of_segment(self) -> Any:
        def one(V: Any, sums: Any, now: tuple[Any, Any, Any]) -> tuple[Any, None]:
            theta, batch, weights = now
            along = jax.linearize(lambda theta: self.gradient(theta, batch), theta)[1]
            return sums + weights[:, None, None] * jax.vmap(along)(V), None

        return jax.jit(lambda V, sums, steps: jax.lax.scan(lambda sums, now: one(V, sums, now), sums, steps)[0])

    def products(self, V: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(W, K, N): of each weighted sum, weights (W, T), with each row of V (K, N)."""
        trajectory = self.trajectory
        with jax.enable_x64(trajectory.x64):
            dtype = trajectory.start.theta.dtype
            along = jnp.asarray(V, dtype)
            sums = jnp.zeros((len(weights), *V.shape), dtype)
            for first in range(0, trajectory.steps, SEGMENT):
                last = min(first + SEGMENT, trajectory.steps)
                batches = jnp.asarray(self.batches[first:last])
                some = jnp.asarray(weights[:, first:last].T, dtype)
                sums = self._of_segment(along, sums, (trajectory.states(first, last).theta, batches, some))
            return np.asarray(sums, np.float64)

    def operator(self, weights: np.ndarray) -> LinearOperator:
        """One sum, weights (T,), as a symmetric operator (N, N)."""
        size = len(self.trajectory.start.theta)

        def several(V: np.ndarray) -> np.ndarray:
            made: np.ndarray = self.products(V.T, weights[None])[0].T
            return made

        def one(v: np.ndarray) -> np.ndarray:
            return several(v.reshape(-1, 1))[:, 0]

        return LinearOperator((size, size), matvec=one, rmatvec=one, matmat=several, rmatmat=several, dtype=np.float64)
