"""LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998) on 28x28 grey images, with average pooling: N = 61706 parameters.

Examples come last.  benchmarks/lenet.py compares XLA's own convolutions.
"""

from functools import partial
from typing import Any, Literal, NamedTuple

from training_jacobian.learning.layout import Shapes
from training_jacobian.learning.models._activation import Activation
from training_jacobian.section import Section

SIDE, WINDOW, PADDING = 28, 5, 2  # padded to the 32 of the original
TOGETHER = 64  # examples, at most: what is computed of more does not fit into a core's caches


class Options(Section):
    """For images of 28x28 grey pixels."""

    name: Literal["lenet5"]
    activation: Activation


def shapes(options: dict[str, Any], inputs: int, classes: int) -> Shapes:
    """Names and shapes in the order of theta: per layer the bias, then the kernel, row-major.

    Kernels of convolutions are (row, column, in, out), of dense layers (in, out).  Raises ValueError if images are not
    28x28 grey.
    """
    if inputs != SIDE**2:
        raise ValueError(f"for images of {SIDE}x{SIDE} grey pixels, not for {inputs} inputs; choose another model")
    convolutions = {"Conv_0": (WINDOW, WINDOW, 1, 6), "Conv_1": (WINDOW, WINDOW, 6, 16)}
    widths = (400, *options.get("hidden", (120, 84)), classes)
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


class Convolution(NamedTuple):
    """W (out, row x column x c) on images (c, side x side x n), with the methods of layered.py's `Dense`.

    A matrix product with the images' patches; one tangent after another, because all patches do not fit into caches.
    """

    c: int
    side: int
    n: int

    def there(self, a: Any) -> Any:
        return patches(a.reshape(self.c, self.side, self.side, self.n))

    def back(self, x: Any) -> Any:
        import jax.numpy as jnp

        # in two steps, like `patches`: three times as fast as the transpose that JAX makes of it
        inner = self.side - WINDOW + 1
        windows = x.reshape(WINDOW, WINDOW, self.c, inner, inner, self.n)
        across = jnp.zeros((WINDOW, self.c, self.side, inner, self.n), x.dtype)
        for i in range(WINDOW):
            across = across.at[:, :, i : i + inner].add(windows[i])
        images = jnp.zeros((self.c, self.side, self.side, self.n), x.dtype)
        for j in range(WINDOW):
            images = images.at[:, :, j : j + inner].add(across[j])
        return images.reshape(self.c, -1)

    def forward(self, W: Any, d_a: Any) -> Any:
        import jax

        return jax.lax.map(lambda a: W @ self.there(a), d_a)

    def outer(self, g: Any, d_a: Any) -> Any:
        import jax

        return jax.lax.map(lambda a: g @ self.there(a).T, d_a)

    def backward(self, W: Any, d_W: Any, g: Any, d_g: Any) -> Any:
        import jax
        import jax.numpy as jnp

        both = lambda d: self.back(jnp.concatenate([d[0], W]).T @ jnp.concatenate([g, d[1]]))
        return jax.lax.map(both, (d_W, d_g))


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


def feeds(layers: int, n: int) -> list[Any]:
    """Into each layer, of what comes out of the one before, (c, pixels x n)."""
    import jax.numpy as jnp

    from training_jacobian.learning.layered import Feed

    border = ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0))
    first = Feed(lambda a: jnp.pad(a.reshape(1, SIDE, SIDE, n), border), layer=Convolution(1, SIDE + 2 * PADDING, n))
    second = Feed(
        lambda a: pool(a.reshape(6, SIDE, SIDE, n)).reshape(6, -1),
        lambda x: pool_back(x.reshape(6, SIDE // 2, SIDE // 2, n)).reshape(6, -1),
        Convolution(6, SIDE // 2, n),
    )
    third = Feed(
        lambda a: pool(a.reshape(16, 10, 10, n)).reshape(400, n),
        lambda x: pool_back(x.reshape(16, 5, 5, n)).reshape(16, -1),
    )
    return [first, second, third, *[Feed()] * (layers - 3)]


def gradient(options: dict[str, Any], shapes: Shapes, loss: Any) -> Any:
    """Gradient with tangents written out, of at most 64 examples at a time."""
    from training_jacobian.learning import layered

    return layered.make(shapes, partial(feeds, len(shapes) // 2), TOGETHER, options["activation"], loss)


def apply(options: dict[str, Any], parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (n, classes) of inputs (n, 784)."""
    import jax

    activation, parts, count = getattr(jax.nn, options["activation"]), list(parameters.values()), len(parameters) // 2
    a = inputs.T
    for layer, feed in enumerate(feeds(count, len(inputs))):
        bias, kernel = parts[2 * layer :][:2]
        x = feed.there(a)
        x = feed.layer.there(x) if feed.layer else x
        z = kernel.reshape(-1, kernel.shape[-1]).T @ x + bias[:, None]
        a = activation(z) if layer < count - 1 else z
    return a.T


def work(shapes: Shapes) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Of one example: numbers into each layer, numbers out of each hidden one, multiplications; and 0, as in mlp.py."""
    return (1024, 1176, 400, 120, 84), (4704, 1600, 120, 84), 416520, 0
