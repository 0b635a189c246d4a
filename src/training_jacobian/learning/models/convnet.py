"""The small convolutional network of Keras' CIFAR-10 example, on 32x32 images in three colours: N = 1250858 parameters.

3x3 convolutions: 32 channels with a border of zeros, 32 without, maxima of 2x2 pixels; 64 with, 64 without, maxima of
2x2 pixels; then dense layers of 512 and of the classes.  There is no dropout, which Keras has after both poolings and
before the last layer: training here is deterministic.  Nor is there batch norm, which a variant of Gur-Ari et al. has.
"""

import math
from itertools import pairwise
from typing import Any, Literal

from training_jacobian.learning.layout import Shapes
from training_jacobian.learning.models._activation import Activation
from training_jacobian.section import Section

SIDE, COLOURS, WINDOW = 32, 3, 3
WIDTHS = (32, 32, 64, 64, 512)  # of the hidden layers: channels, and units of the last
BORDERS = ("SAME", "VALID", "SAME", "VALID")
INTO, OUT = (32, 32, 15, 15), (32, 30, 15, 13)  # sides of the images, before and after each convolution
POOLED = 6  # side of the images that go into the dense layers


class Options(Section):
    """For images of 32x32 pixels in three colours, by channel, row and column.

    Keras' own start is Glorot uniform with biases zero; here kernels are LeCun normal, as of other models.
    """

    name: Literal["convnet"]
    activation: Activation


def shapes(options: dict[str, Any], inputs: int, classes: int) -> Shapes:
    """Names and shapes in the order of theta: per layer the bias, then the kernel, row-major.

    Kernels of convolutions are (row, column, in, out), of dense layers (in, out).  Raises ValueError if images are not
    32x32 in three colours.
    """
    if inputs != COLOURS * SIDE**2:
        told = f"for images of {SIDE}x{SIDE} pixels in {COLOURS} colours, not for {inputs} inputs"
        raise ValueError(f"{told}; choose another model")
    *channels, units = options.get("widths", WIDTHS)
    named: Shapes = {}
    for layer, (into, out) in enumerate(pairwise((COLOURS, *channels))):
        named[f"Conv_{layer}.bias"], named[f"Conv_{layer}.kernel"] = (out,), (WINDOW, WINDOW, into, out)
    dense = (POOLED**2 * channels[-1], units, classes)
    for layer, (fan_in, fan_out) in enumerate(pairwise(dense)):
        named[f"Dense_{layer}.bias"], named[f"Dense_{layer}.kernel"] = (fan_out,), (fan_in, fan_out)
    return named


def pool(images: Any) -> Any:
    """Maxima of 2x2 pixels, (n, rows, columns, c) -> (n, rows // 2, columns // 2, c); without an odd last one.

    Of equal pixels each gets its part of the slope, so that the order of pixels has no say in a derivative.
    """
    n, rows, columns, c = images.shape
    whole = images[:, : rows // 2 * 2, : columns // 2 * 2]
    return whole.reshape(n, rows // 2, 2, columns // 2, 2, c).max((2, 4))


def apply(options: dict[str, Any], parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (n, classes) of inputs (n, 3072), by channel, row and column."""
    import jax

    activation = getattr(jax.nn, options["activation"])
    a = inputs.reshape(len(inputs), COLOURS, SIDE, SIDE).transpose(0, 2, 3, 1)
    for layer, border in enumerate(BORDERS):
        kernel, bias = parameters[f"Conv_{layer}.kernel"], parameters[f"Conv_{layer}.bias"]
        axes = ("NHWC", "HWIO", "NHWC")
        a = activation(jax.lax.conv_general_dilated(a, kernel, (1, 1), border, dimension_numbers=axes) + bias)
        a = pool(a) if layer % 2 else a
    a = a.reshape(len(a), -1)  # (row, column, channel), as Keras has it
    a = activation(a @ parameters["Dense_0.kernel"] + parameters["Dense_0.bias"])
    return a @ parameters["Dense_1.kernel"] + parameters["Dense_1.bias"]


def work(shapes: Shapes) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Of one example: numbers into each layer, numbers out of each hidden one, multiplications; and 0, as in mlp.py."""
    kernels = [shape for shape in shapes.values() if len(shape) > 1]
    convolutions, (dense, last) = kernels[:-2], kernels[-2:]
    into = tuple(side**2 * shape[2] for side, shape in zip(INTO, convolutions, strict=True))
    out = tuple(side**2 * shape[3] for side, shape in zip(OUT, convolutions, strict=True))
    products = sum(side**2 * math.prod(shape) for side, shape in zip(OUT, convolutions, strict=True))
    return (*into, dense[0], last[0]), (*out, dense[1]), products + math.prod(dense) + math.prod(last), 0
