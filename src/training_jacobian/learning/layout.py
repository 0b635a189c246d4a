"""Flat theta of R^N and its named parts."""

import math
from typing import Any

from training_jacobian.learning.components import chosen

Shapes = dict[str, tuple[int, ...]]


def shapes_of(data: dict[str, Any], model: dict[str, Any]) -> Shapes:
    """Names and shapes of the parts of theta, in order, from the parameters of the data set and of the model.

    Raises ValueError if the model has no such inputs.
    """
    facts, network = chosen("datasets", data), chosen("models", model)
    shape = getattr(facts, "SHAPE", (facts.INPUTS,))
    if len(shape) > 1 and not getattr(network, "any_shape", False):
        raise ValueError(
            f"for inputs (n, d), and those of the data are {('n', *shape)}; reshape them, or give a model from a file"
        )
    made: Shapes = network.shapes(model, shape if len(shape) > 1 else facts.INPUTS, facts.CLASSES)
    return made


def size(shapes: Shapes) -> int:
    """N, the number of parameters."""
    return sum(math.prod(shape) for shape in shapes.values())


def slices(shapes: Shapes) -> dict[str, slice]:
    """Where each part lies in theta."""
    named, first = {}, 0
    for name, shape in shapes.items():
        named[name] = slice(first, first + math.prod(shape))
        first = named[name].stop
    return named


def unflatten(theta: Any, shapes: Shapes) -> dict[str, Any]:
    """Parts of theta (N,), numpy or jax, each in its shape."""
    return {name: theta[where].reshape(shapes[name]) for name, where in slices(shapes).items()}
