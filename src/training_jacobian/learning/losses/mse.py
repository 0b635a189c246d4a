"""Mean squared error on one-hot labels, or on real targets."""

from typing import Any, Literal

import numpy as np

from training_jacobian.section import Section

UNIT, PROBABILITIES = "", False  # numbers without a unit
DIVERGENCE = "squared"  # difference of what the two networks say, in the unit of the loss
REAL_TARGETS = True  # it has a meaning for a regression


class Options(Section):
    """Mean, over examples and classes, of the squared difference to one-hot labels; to targets, if they are real."""

    name: Literal["mse"]


def value(outputs: Any, labels: Any) -> Any:
    """Mean over examples and classes; outputs (n, classes), labels (n,), or targets of as many numbers."""
    import jax

    if _real(labels):
        return ((outputs - labels.reshape(outputs.shape)) ** 2).mean()
    return ((outputs - jax.nn.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)) ** 2).mean()


def _real(labels: Any) -> bool:
    """Whether labels are targets, not classes."""
    return bool(labels.dtype.kind == "f")


def slope(z: Any, labels: Any) -> tuple[Any, Any]:
    """d value / d z (classes, n) of outputs z (classes, n), and the size of z, all that `bend` needs."""
    import jax

    factor = jax.numpy.asarray(2 / z.size, z.dtype)
    if _real(labels):
        return factor * (z - labels.reshape(z.shape[::-1]).T), factor
    return factor * (z - jax.nn.one_hot(labels, len(z), axis=0, dtype=z.dtype)), factor


def bend(factor: Any, d_z: Any) -> Any:
    """Tangents of the slope (K, classes, n) along tangents of the outputs d_z (K, classes, n)."""
    return factor * d_z


def gauge(classes: int) -> np.ndarray:
    """Directions of an output (classes, g) that change no loss: none."""
    return np.zeros((classes, 0))


def guess(classes: int) -> float:
    """Loss of a network that says zero, on one-hot labels."""
    return 1 / classes


def said(outputs: Any) -> Any:
    """What networks are compared by: their outputs (n, classes)."""
    return outputs


def divergence(before: Any, after: Any) -> Any:
    """Mean squared difference (n,) of what two networks have `said`."""
    return ((after - before) ** 2).mean(-1)
