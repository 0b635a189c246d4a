"""Multilayer perceptron; the paper's main run is 64-64-10 with N = 4810 parameters."""

import math
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from pydantic import Field

from training_jacobian.learning.layout import Shapes, size, slices
from training_jacobian.learning.models._activation import Activation
from training_jacobian.section import Count, Section


class Options(Section):
    name: Literal["mlp"]
    hidden: list[Count] = Field(description="widths of the hidden layers; [] is softmax regression")
    activation: Activation


def shapes(options: dict[str, Any], inputs: int, classes: int) -> Shapes:
    """Names and shapes in the order of theta: per layer the bias (out,), then the kernel (in, out), row-major."""
    widths = [inputs, *options["hidden"], classes]
    named: Shapes = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        named[f"Dense_{layer}.bias"] = (fan_out,)
        named[f"Dense_{layer}.kernel"] = (fan_in, fan_out)
    return named


def apply(options: dict[str, Any], parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (..., classes) of inputs (..., d); the activation between the layers, none after the last."""
    import jax

    activation, layers = getattr(jax.nn, options["activation"]), len(parameters) // 2
    for layer in range(layers):
        inputs = inputs @ parameters[f"Dense_{layer}.kernel"] + parameters[f"Dense_{layer}.bias"]
        if layer < layers - 1:
            inputs = activation(inputs)
    return inputs


def gradient(options: dict[str, Any], shapes: Shapes, loss: Any) -> Any:
    """Gradient with tangents written out."""
    from training_jacobian.learning import layered

    return layered.make(shapes, partial(_feeds, len(shapes) // 2), None, options["activation"], loss)


def _feeds(layers: int, n: int) -> list[Any]:
    """Into each layer goes what comes out of the one before, (units, n)."""
    from training_jacobian.learning.layered import Feed

    return [Feed()] * layers


def untouched(shapes: Shapes, inputs: np.ndarray, gauge: np.ndarray) -> np.ndarray:
    """Orthonormal basis (N, b) float64 of the directions of theta that change no loss on `inputs` (n, d).

    - gauge: what the loss ignores of the outputs, its `gauge` (classes, g), added to the last bias or to the weights
      from one unit;
    - dependent inputs: weights w from the inputs to one unit, and its bias b, with x . w + b = 0 for every example x;
      for instance the weight from an input that is always zero.
    """
    import scipy.linalg

    where, names = slices(shapes), list(shapes)
    first_bias, first_kernel, last_bias, last_kernel = *names[:2], *names[-2:]
    seen = np.hstack([np.asarray(inputs, np.float64), np.ones((len(inputs), 1))])
    null = scipy.linalg.null_space(np.linalg.qr(seen, mode="r"))  # (d + 1, dependent)

    def columns(parts: dict[str, np.ndarray]) -> np.ndarray:
        made = np.zeros((size(shapes), next(iter(parts.values())).shape[1]))
        for part, values in parts.items():
            made[where[part]] = values
        return made

    units, hidden = np.eye(shapes[first_kernel][1]), np.eye(shapes[last_kernel][0])
    ignored = [columns({last_bias: gauge}), columns({last_kernel: np.kron(hidden, gauge)})]
    dependent = columns({first_kernel: np.kron(null[:-1], units), first_bias: np.kron(null[-1:], units)})
    made = np.hstack([*ignored, dependent])
    return scipy.linalg.orth(made) if made.shape[1] else made


def work(shapes: Shapes) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Of one example: numbers into each layer, numbers out of each hidden one, multiplications.

    And how many weights a linearised step need not keep: those of the first layer, into which go data.
    """
    kernels = [shape for shape in shapes.values() if len(shape) > 1]
    into, hidden = tuple(shape[0] for shape in kernels), tuple(shape[-1] for shape in kernels[:-1])
    return into, hidden, sum(map(math.prod, kernels)), math.prod(kernels[0])
