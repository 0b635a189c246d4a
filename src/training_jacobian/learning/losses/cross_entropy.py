"""Mean softmax cross-entropy, in nats."""

import math
from typing import Any, Literal

import numpy as np

from training_jacobian.section import Section

UNIT, PROBABILITIES = "nats", True  # outputs are log-probabilities, but for what is the same in all classes
DIVERGENCE = "kl"  # of what the two networks say, in nats


class Options(Section):
    """Mean softmax cross-entropy, in nats."""

    name: Literal["cross_entropy"]


def value(outputs: Any, labels: Any) -> Any:
    """Mean over the examples; outputs (n, classes), labels (n,)."""
    import optax

    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()


def slope(z: Any, labels: Any) -> tuple[Any, Any]:
    """d value / d z (classes, n) of outputs z (classes, n), and p = softmax(z), all that `bend` needs."""
    import jax

    p = jax.nn.softmax(z, axis=0)
    return (p - jax.nn.one_hot(labels, len(p), axis=0, dtype=p.dtype)) / z.shape[-1], p


def bend(p: Any, d_z: Any) -> Any:
    """Tangents of the slope (K, classes, n) along tangents of the outputs d_z (K, classes, n)."""
    import jax.numpy as jnp

    from training_jacobian.learning.batched import each

    total = each(jnp.ones((1, len(p)), p.dtype), p * d_z)  # over the classes; XLA is slow at this one sum
    return p * (d_z - total) / p.shape[-1]


def gauge(classes: int) -> np.ndarray:
    """Directions of an output (classes, g) that change no loss: softmax ignores a number added to all classes."""
    return np.ones((classes, 1))


def guess(classes: int) -> float:
    """Loss of a network that knows nothing."""
    return math.log(classes)


def said(outputs: Any) -> Any:
    """What networks are compared by: log-probabilities (n, classes)."""
    import jax

    return jax.nn.log_softmax(outputs)


def divergence(log_p: Any, log_q: Any) -> Any:
    """KL(q || p) in nats (n,), of what two networks have `said`.

    Summed from the non-negative terms q log(q / p) - q + p = p (r e^r - e^r + 1), r = log(q / p), so that a small
    divergence is not a difference of large numbers.
    """
    import jax.numpy as jnp

    r = log_q - log_p
    return jnp.maximum(jnp.exp(log_p) * (r * jnp.exp(r) - jnp.expm1(r)), 0).sum(-1)
