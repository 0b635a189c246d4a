"""The gradient of a training, on parts of theta."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax


@dataclass(frozen=True)
class Gradient:
    """Gradient of the mean loss on parts of theta, and how theta (..., N) is split into them and joined again.

    Called with theta (N,) and the examples, inputs (B, d) and labels (B,), it gives the gradient (N,).
    """

    of_parts: Callable[..., Any]
    split: Callable[[jax.Array], Any] = lambda theta: theta
    join: Callable[[Any], jax.Array] = lambda theta: theta

    def __call__(self, theta: jax.Array, *examples: jax.Array) -> jax.Array:
        return self.join(self.of_parts(self.split(theta), *examples))

    def on(self, inputs: jax.Array, labels: jax.Array) -> "Gradient":
        """The same of theta and the indices (B,) of examples among these inputs (n, d) and labels (n,)."""
        return replace(self, of_parts=lambda parts, batch: self.of_parts(parts, inputs[batch], labels[batch]))
