"""Gradient of a layered network's loss with its derivative written out: a Hessian-vector product.

Examples are columns, and what goes into layer l is a_l = F_l(f(z_{l-1})), a_1 = F_1(X^T) with X (B, d), f the
activation and F_l a fixed linear map: the model's `feeds`, such as the identity or pooling, whose columns are pixels as
well as examples.  W_l (out, in) is the transposed kernel, and W_l a_l their product, or convolution (`Dense`).  For
layers l = 1..L:

    z_l = W_l a_l + b_l,          g_L = dLoss/dz_L, the loss's `slope`, such as (softmax(z_L) - Y) / B
    e_{l-1} = F_l^T (W_l^T g_l),  g_{l-1} = e_{l-1} f'(z_{l-1})
    dLoss/dW_l = g_l a_l^T,       dLoss/db_l = sum of g_l over its columns

and, primes on W, b, z, a, g marking derivatives along theta' = (W', b') (Pearlmutter 1994, forward over reverse):

    z'_l = W'_l a_l + b'_l + W_l a'_l,    a'_{l+1} = F_{l+1}(f'(z_l) z'_l),    g'_L: the loss's `bend` of z'_L
    g'_{l-1} = f'(z_{l-1}) F_l^T (W'_l^T g_l + W_l^T g'_l) + f''(z_{l-1}) e_{l-1} z'_{l-1}
    (dLoss/dW_l)' = g'_l a_l^T + g_l a'_l^T

What has no prime is the same for all tangents: the `Point`, computed once a step.  K tangents travel together, as parts
(K, out, in), and never need to be transposed: W' times data is one GEMM of K * out rows (`rows`), W times a tangent is
K GEMMs (`each`).  `benchmarks/products.py` has the ratio to jax.jvp of jax.grad.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from training_jacobian.learning.batched import each, rows
from training_jacobian.learning.gradient import Gradient
from training_jacobian.learning.layout import Shapes, slices

Activation = Callable[[jax.Array], jax.Array]


class Feed(NamedTuple):
    """A fixed linear map F from what comes out of a layer, examples last, into the next, and its transpose.

    `layer` is what the next does with it if it is not dense: an object with the methods of `Dense`.
    """

    there: Callable[[Any], Any] = lambda a: a
    back: Callable[[Any], Any] = lambda x: x
    layer: Any = None


class Layer(NamedTuple):
    """Parameters of a layer, or tangents of them with a first axis K."""

    b: jax.Array  # (..., out)
    W: jax.Array  # (..., out, in)


class Point(NamedTuple):
    """What of a step does not depend on the tangents; per layer, but for `of_loss`.  C columns: B or more."""

    W: list[jax.Array]  # (out, in), of all layers but the first
    a: list[jax.Array]  # what goes into the layer (c, C)
    g: list[jax.Array]  # (out, C), of all layers but the first
    slope: list[jax.Array]  # f'(z) of the hidden layers (out, C)
    bend: list[jax.Array]  # f''(z) e of the hidden layers (out, C)
    of_loss: Any  # what its `bend` needs


def derivative(function: Activation) -> Activation:
    """Derivative of a function that acts on each element."""
    return lambda z: jax.jvp(function, (z,), (jnp.ones_like(z),))[1]


class Dense:
    """A layer's product W x of weights (out, in) and what it sees of activations a, and transposes; d_: K tangents.

    What the formulas call a is x here.  A model may have other layers, such as convolutions, with the same methods.
    """

    def there(self, a: jax.Array) -> jax.Array:
        """x, linear in a: here a itself."""
        return a

    def back(self, x: jax.Array) -> jax.Array:
        """Transpose of `there`."""
        return x

    def forward(self, W: jax.Array, d_a: jax.Array) -> jax.Array:
        """W x'."""
        return each(W, d_a)

    def outer(self, g: jax.Array, d_a: jax.Array) -> jax.Array:
        """g x'^T."""
        return each(g, d_a, transposed=True)

    def backward(self, W: jax.Array, d_W: jax.Array, g: jax.Array, d_g: jax.Array) -> jax.Array:
        """`back` of W'^T g + W^T g': (K, ...) like tangents of a."""
        return rows(d_W.swapaxes(-1, -2), g) + each(W.T, d_g)


def kind(feed: Feed) -> Any:
    """The layer after `feed`: `Dense`, or what the model says."""
    return feed.layer or Dense()


def linearize(
    layers: list[Layer], inputs: jax.Array, labels: jax.Array, feeds: list[Feed], activation: Activation, loss: Any
) -> tuple[list[Layer], Point]:
    """The gradient at the parameters, by a forward and a backward pass, and what its tangents need of these."""
    slope, curvature = derivative(activation), derivative(derivative(activation))
    out, a, x, z = inputs.T, [], [], []
    for layer, feed in zip(layers, feeds, strict=True):
        a.append(feed.there(out))
        x.append(kind(feed).there(a[-1]))
        z.append(layer.W @ x[-1] + layer.b[:, None])
        out = activation(z[-1])
    at_end, of_loss = loss.slope(z.pop(), labels)
    g = [at_end]
    bend: list[jax.Array] = []
    for layer, feed, below in zip(layers[:0:-1], feeds[:0:-1], z[::-1], strict=True):
        e = feed.back(kind(feed).back(layer.W.T @ g[0]))
        bend.insert(0, curvature(below) * e)
        g.insert(0, slope(below) * e)
    gradient = [Layer(each.sum(-1), each @ data.T) for each, data in zip(g, x, strict=True)]
    slopes = [slope(hidden) for hidden in z]
    return gradient, Point([layer.W for layer in layers[1:]], a, g[1:], slopes, bend, of_loss)


def products(at: Point, tangents: list[Layer], feeds: list[Feed], loss: Any) -> list[Layer]:
    """Hessian-vector products, with tangents, in parts with a first axis K."""
    W, a, g, slope, bend, of_loss = at
    layers = [kind(feed) for feed in feeds]
    x = [layer.there(data) for layer, data in zip(layers, a, strict=True)]
    d_a: list[jax.Array] = []  # of all layers but the first, into which go data
    d_z: list[jax.Array] = []
    for i, along in enumerate(tangents):
        d_z.append(rows(along.W, x[i]) + along.b[..., None])
        if i:
            d_a.append(jax.vmap(feeds[i].there)(slope[i - 1] * d_z[i - 1]))
            d_z[i] += layers[i].forward(W[i - 1], d_a[-1])
    d_g = loss.bend(of_loss, d_z[-1])
    out: list[Layer] = []
    for i in range(len(layers) - 1, -1, -1):
        d_b, d_W = d_g.sum(-1), rows(d_g, x[i].T)
        if i:
            d_W += layers[i].outer(g[i - 1], d_a[i - 1])
            d_e = layers[i].backward(W[i - 1], tangents[i].W, g[i - 1], d_g)
            d_g = slope[i - 1] * jax.vmap(feeds[i].back)(d_e) + bend[i - 1] * d_z[i - 1]
        out.insert(0, Layer(d_b, d_W))
    return out


def of_parts(
    feeds: Callable[[int], list[Feed]], activation: Activation, loss: Any, count: int
) -> Callable[..., list[Layer]]:
    """Gradient of the mean over `count` examples: layers, inputs, labels -> layers; with the tangent product above."""
    between = feeds(count)

    @jax.custom_batching.custom_vmap
    def product(at: Point, tangent: list[Layer]) -> list[Layer]:
        one = jax.tree.map(lambda part: part[None], tangent)
        return jax.tree.map(lambda part: part[0], products(at, one, between, loss))

    @product.def_vmap
    def _batched(size: int, batched: list[Any], at: Point, tangents: list[Layer]) -> tuple[list[Layer], Any]:
        point, along = batched
        if any(jax.tree.leaves(point)) or not all(jax.tree.leaves(along)):
            axes = jax.tree.map(lambda yes: 0 if yes else None, batched)
            made = jax.vmap(product.fun, in_axes=axes)(at, tangents)
        else:
            made = products(at, tangents, between, loss)
        return made, jax.tree.map(lambda _: True, made)

    @jax.custom_jvp
    def gradient(layers: list[Layer], inputs: jax.Array, labels: jax.Array) -> list[Layer]:
        return linearize(layers, inputs, labels, between, activation, loss)[0]

    @gradient.defjvp
    def _tangent(primals: Any, tangents: Any) -> tuple[list[Layer], list[Layer]]:
        layers, inputs, labels = primals
        made, at = linearize(layers, inputs, labels, between, activation, loss)
        return made, product(at, tangents[0])  # the data have no tangent

    return gradient


def make(
    shapes: Shapes, feeds: Callable[[int], list[Feed]], together: int | None, activation: str, loss: Any
) -> Gradient:
    """Gradient with the tangent product above, of at most `together` examples at a time.

    `activation` is one of jax.nn; `loss` a module of losses/, or anything with its `slope` and `bend`.
    """
    act = getattr(jax.nn, activation)

    def split(theta: jax.Array) -> list[Layer]:
        parts = [theta[..., where] for where in slices(shapes).values()]
        outs = [shape[-1] for shape in shapes.values()]
        layers = zip(parts[::2], parts[1::2], outs[::2], strict=True)
        return [Layer(b, K.reshape(*K.shape[:-1], -1, out).swapaxes(-1, -2)) for b, K, out in layers]

    def join(layers: list[Layer]) -> jax.Array:
        parts = [part for layer in layers for part in (layer.b, layer.W.swapaxes(-1, -2))]
        return jnp.concatenate([part.reshape(*layers[0].b.shape[:-1], -1) for part in parts], axis=-1)

    def mean(layers: list[Layer], inputs: jax.Array, labels: jax.Array) -> list[Layer]:
        count = len(inputs)
        least = -(-count // (together or count))
        pieces = next(number for number in range(least, count + 1) if count % number == 0)
        gradient = of_parts(feeds, act, loss, count // pieces)
        if pieces == 1:
            return gradient(layers, inputs, labels)

        def add(total: list[Layer], piece: tuple[jax.Array, ...]) -> tuple[list[Layer], None]:
            return jax.tree.map(lambda a, b: a + b / pieces, total, gradient(layers, *piece)), None

        cut = [array.reshape(pieces, -1, *array.shape[1:]) for array in (inputs, labels)]
        made: list[Layer] = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, layers), tuple(cut))[0]
        return made

    return Gradient(mean, split, join)
