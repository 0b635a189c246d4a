"""theta_0: drawn from a seed, or the numbers of a file."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from training_jacobian.learning.layout import Shapes

Draw = Callable[[jax.Array, tuple[int, ...], Any], jax.Array]  # key, shape, dtype -> a part of theta_0


def draw(shapes: Shapes, seed: int, bias_std: float, own: dict[str, Draw] | None = None) -> np.ndarray:
    """theta_0 (N,) float32: kernels LeCun normal (truncated, variance 1/fan_in), biases N(0, bias_std^2).

    `own` are the model's own distributions of some of its parts, by name, such as 1 for the gain of a layer norm.
    Always drawn in float32, so that runs of either precision start at the same point.
    """
    kernel = jax.nn.initializers.lecun_normal()
    bias = jax.nn.initializers.normal(bias_std)
    keys = jax.random.split(jax.random.key(seed, impl="threefry2x32"), len(shapes))
    parts = [
        (own or {}).get(name, kernel if len(shape) > 1 else bias)(key, shape, np.float32)
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    ]
    return np.concatenate([np.asarray(part).ravel() for part in parts])


def read(path: Path, shapes: Shapes) -> np.ndarray:
    """theta_0 (N,) of an .npy file; never unpickles.  Raises ValueError on another size."""
    theta = np.load(path, allow_pickle=False)
    size = sum(math.prod(shape) for shape in shapes.values())
    if theta.shape != (size,):
        raise ValueError(f"{path}: shape {theta.shape}, the model needs ({size},)")
    return np.asarray(theta)
