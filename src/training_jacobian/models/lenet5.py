"""LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998) on 28x28 grey images, with average pooling: N = 61706 parameters.

Convolutions are products with a matrix of patches, examples last; benchmarks/lenet.py compares XLA's own.
"""

from collections.abc import Callable, Sequence
from typing import Any

from training_jacobian.models.mlp import Feed, Shapes

SIDE, WINDOW, PADDING = 28, 5, 2  # padded to the 32 of the original
TOGETHER = 64  # examples, at most: what is computed of more does not fit into a core's caches


def shapes(inputs: int, classes: int, hidden: Sequence[int] = (120, 84)) -> Shapes:
    """Names and shapes in the order of theta: per layer the bias, then the kernel, row-major.

    Kernels of convolutions are (row, column, in, out), of dense layers (in, out).  Raises ValueError if images are not
    28x28 grey.
    """
    if inputs != SIDE**2:
        raise ValueError(f"LeNet-5 needs images of {SIDE}x{SIDE} grey pixels, not {inputs} inputs")
    convolutions = {"Conv_0": (WINDOW, WINDOW, 1, 6), "Conv_1": (WINDOW, WINDOW, 6, 16)}
    widths = (400, *hidden, classes)
    dense = {f"Dense_{i}": (widths[i], widths[i + 1]) for i in range(len(widths) - 1)}
    named: Shapes = {}
    for layer, shape in {**convolutions, **dense}.items():
        named[f"{layer}.bias"], named[f"{layer}.kernel"] = shape[-1:], shape
    return named


def patches(images: Any) -> Any:
    """Images (c, rows, columns, n) as windows (row x column x c, rows' x columns' x n); axes of windows first."""
    import jax.numpy as jnp  # here, because the workflow asks for shapes before every start

    rows, columns = images.shape[1] - WINDOW + 1, images.shape[2] - WINDOW + 1
    across = jnp.stack([images[:, :, j : j + columns] for j in range(WINDOW)])  # in two steps: three times as fast
    windows = jnp.stack([across[:, :, i : i + rows] for i in range(WINDOW)])
    return windows.reshape(WINDOW**2 * images.shape[0], -1)


def patches_back(windows: Any, c: int, side: int, n: int) -> Any:
    """Transpose of `patches` of images (c, side, side, n); that of jax is five times slower."""
    import jax.numpy as jnp

    inner = side - WINDOW + 1
    windows = windows.reshape(WINDOW, WINDOW, c, inner, inner, n)
    images = jnp.zeros((c, side, side, n), windows.dtype)
    for i in range(WINDOW):
        for j in range(WINDOW):
            images = images.at[:, i : i + inner, j : j + inner].add(windows[i, j])
    return images


def pool(images: Any) -> Any:
    """Means of 2x2 pixels: (c, rows, columns, n) -> (c, rows / 2, columns / 2, n)."""
    c, rows, columns, n = images.shape
    return images.reshape(c, rows // 2, 2, columns // 2, 2, n).mean((2, 4))


def pool_back(means: Any) -> Any:
    """Transpose of `pool`."""
    import jax.numpy as jnp

    c, rows, columns, n = means.shape
    pixels = jnp.broadcast_to((means / 4)[:, :, None, :, None], (c, rows, 2, columns, 2, n))
    return pixels.reshape(c, 2 * rows, 2 * columns, n)


def feeds(layers: int, n: int) -> list[Feed]:
    """Into each layer, of what comes out of the one before, (c, pixels x n)."""
    import jax.numpy as jnp

    border = ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0))
    first = Feed(lambda a: patches(jnp.pad(a.reshape(1, SIDE, SIDE, n), border)))
    second = Feed(
        lambda a: patches(pool(a.reshape(6, SIDE, SIDE, n))),
        lambda x: pool_back(patches_back(x, 6, SIDE // 2, n)).reshape(6, -1),
    )
    third = Feed(
        lambda a: pool(a.reshape(16, 10, 10, n)).reshape(400, n),
        lambda x: pool_back(x.reshape(16, 5, 5, n)).reshape(16, -1),
    )
    return [first, second, third, *[Feed()] * (layers - 3)]


def apply(parameters: dict[str, Any], inputs: Any, activation: Callable[[Any], Any]) -> Any:
    """Logits (n, classes) of inputs (n, 784)."""
    parts, count = list(parameters.values()), len(parameters) // 2
    a = inputs.T
    for layer, feed in enumerate(feeds(count, len(inputs))):
        bias, kernel = parts[2 * layer :][:2]
        z = kernel.reshape(-1, kernel.shape[-1]).T @ feed.there(a) + bias[:, None]
        a = activation(z) if layer < count - 1 else z
    return a.T
