"""Multilayer perceptron; the paper's main run is 64-64-10 with N = 4810 parameters."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

Shapes = dict[str, tuple[int, ...]]
TOGETHER = None  # all examples of a batch are computed at once


class Feed(NamedTuple):
    """A fixed linear map F from what comes out of a layer, examples last, into the next, and its transpose.

    `layer` is what the next does with it if it is not dense: an object with the methods of layered_gradient.py's Dense.
    """

    there: Callable[[Any], Any] = lambda a: a
    back: Callable[[Any], Any] = lambda x: x
    layer: Any = None


def shapes(inputs: int, hidden: Sequence[int], classes: int) -> Shapes:
    """Names and shapes in the order of theta: per layer the bias (out,), then the kernel (in, out), row-major."""
    widths = [inputs, *hidden, classes]
    named: Shapes = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        named[f"Dense_{layer}.bias"] = (fan_out,)
        named[f"Dense_{layer}.kernel"] = (fan_in, fan_out)
    return named


def feeds(layers: int, n: int) -> list[Feed]:
    """Into each layer, of what comes out of the one before, (units, n): that itself."""
    return [Feed()] * layers


def apply(parameters: dict[str, Any], inputs: Any, activation: Callable[[Any], Any]) -> Any:
    """Logits (..., classes) of inputs (..., d); `activation` between the layers, none after the last."""
    layers = len(parameters) // 2
    for layer in range(layers):
        inputs = inputs @ parameters[f"Dense_{layer}.kernel"] + parameters[f"Dense_{layer}.bias"]
        if layer < layers - 1:
            inputs = activation(inputs)
    return inputs
