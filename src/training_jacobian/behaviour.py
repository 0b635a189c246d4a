"""What the network does after a step along a singular direction, in and out of distribution (paper section on it)."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.precision import in_64_bits

CHUNK = 16  # networks evaluated together: what they hold must stay in the cache


def probes(examples: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Inputs (n, d) to look at: `train`, `test`, the training inputs `inverted` (1 - x), and as much `white_noise`."""
    train = np.asarray(examples["inputs_train"])
    noise = np.random.default_rng(seed).random(train.shape).astype(train.dtype)
    return {"train": train, "test": np.asarray(examples["inputs_test"]), "inverted": 1 - train, "white_noise": noise}


@in_64_bits
def divergence(
    logits: Callable[[jax.Array, jax.Array], jax.Array],
    theta: np.ndarray,
    steps: np.ndarray,
    inputs: np.ndarray,
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """KL(q || p) in nats, q the network at theta + step, p at theta (N,), for each of `steps` (K, N), in float64.

    Maximum (K,) and mean (K,) over `inputs` (n, d).  Summed from the non-negative terms q log(q / p) - q + p =
    p (r e^r - e^r + 1), r = log(q / p), so that a small divergence is not a difference of large numbers.
    """
    at, points = jnp.asarray(theta, jnp.float64), jnp.asarray(inputs, jnp.float64)
    log_p = jax.nn.log_softmax(logits(at, points))

    def one(step: jax.Array) -> tuple[jax.Array, jax.Array]:
        r = jax.nn.log_softmax(logits(at + step, points)) - log_p
        each = jnp.maximum(jnp.exp(log_p) * (r * jnp.exp(r) - jnp.expm1(r)), 0).sum(-1)
        return each.max(), each.mean()

    several = jax.jit(jax.vmap(one))

    def chunks() -> Iterator[tuple[Any, Any]]:
        for first in range(0, len(steps), CHUNK):
            part = steps[first : first + CHUNK].astype(np.float64)
            padded = np.pad(part, ((0, CHUNK - len(part)), (0, 0)))  # one shape, compiled once
            largest, mean = several(padded)
            yield np.asarray(largest)[: len(part)], np.asarray(mean)[: len(part)]
            advance(len(part))

    largest, mean = zip(*chunks(), strict=True)
    return np.concatenate(largest), np.concatenate(mean)
