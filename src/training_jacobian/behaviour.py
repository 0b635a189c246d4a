"""What the network does after a step along a singular direction, in and out of distribution (paper: the bulk's behaviour)."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CHUNK = 64  # networks evaluated together


def probes(examples: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Inputs (n, d) to look at: `train`, `test`, the training inputs `inverted` (1 - x), and as much `white_noise`."""
    train = np.asarray(examples["inputs_train"])
    noise = np.random.default_rng(seed).random(train.shape).astype(train.dtype)
    return {"train": train, "test": np.asarray(examples["inputs_test"]), "inverted": 1 - train, "white_noise": noise}


def divergence(
    logits: Callable[[jax.Array, jax.Array], jax.Array],
    theta: np.ndarray,
    steps: np.ndarray,
    inputs: np.ndarray,
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """KL(p(theta + step) || p(theta)) in nats for each of `steps` (K, N): maximum (K,) and mean (K,) over `inputs` (n, d).

    In float64.  The sum of non-negative terms p' (log p' - log p) - p' + p: rounding cannot make it negative, and leaves
    about 1e-16 of what it is made of.
    """
    theta, steps, inputs = (jnp.asarray(each, jnp.float64) for each in (theta, steps, inputs))
    log_p = jax.nn.log_softmax(logits(theta, inputs))

    def one(step: jax.Array) -> tuple[jax.Array, jax.Array]:
        log_q = jax.nn.log_softmax(logits(theta + step, inputs))
        ratio = log_q - log_p
        # q log(q/p) - q + p = p (e^r (r - 1) + 1), written so that small r loses nothing
        terms = jnp.exp(log_p) * (ratio * jnp.exp(ratio) - jnp.expm1(ratio))
        each = jnp.maximum(terms, 0).sum(-1)
        return each.max(), each.mean()

    several = jax.jit(jax.vmap(one))

    def chunks() -> Iterator[tuple[Any, Any]]:
        for first in range(0, len(steps), CHUNK):
            part = steps[first : first + CHUNK]
            padded = jnp.pad(part, ((0, CHUNK - len(part)), (0, 0)))  # one shape, compiled once
            yield tuple(np.asarray(each)[: len(part)] for each in several(padded))
            advance(len(part))

    largest, mean = zip(*chunks(), strict=True)
    return np.concatenate(largest), np.concatenate(mean)
