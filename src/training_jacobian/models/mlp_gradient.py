"""Gradient of an MLP's mean cross-entropy with its derivative written out: a Hessian-vector product per tangent.

Examples are columns: a_0 = X^T (d, B).  Forward, f the activation, for layers l = 1..L with kernels K_l (in, out):

    z_l = K_l^T a_{l-1} + b_l,    a_l = f(z_l),    p = softmax(z_L),    g_L = (p - Y) / B
    e_{l-1} = K_l g_l,            g_{l-1} = e_{l-1} f'(z_{l-1})
    dLoss/dK_l = a_{l-1} g_l^T,   dLoss/db_l = sum of g_l over the examples

and, primes on K, b, z, a, g marking derivatives along theta' = (K', b') (Pearlmutter 1994, forward over reverse):

    z'_l = K'_l^T a_{l-1} + K_l^T a'_{l-1} + b'_l,    a'_l = f'(z_l) z'_l,    g'_L = p (z'_L - sum p z'_L) / B
    g'_{l-1} = f'(z_{l-1}) (K_l g'_l + K'_l g_l) + f''(z_{l-1}) e_{l-1} z'_{l-1}
    (dLoss/dK_l)' = a_{l-1} g'_l^T + a'_{l-1} g_l^T

Why not leave it to jax: K tangents travel together, and here each product of theirs with X is one GEMM of K * out rows
as they lie in memory.  jax.vmap of the derivative transposes them instead; `benchmarks/` has the ratio.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from training_jacobian.layout import slices
from training_jacobian.models.mlp import Shapes

Activation = Callable[[jax.Array], jax.Array]


def derivative(function: Activation) -> Activation:
    """Derivative of a function that acts on each element."""
    return lambda z: jax.jvp(function, (z,), (jnp.ones_like(z),))[1]


def make(shapes: Shapes, activation: Activation) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
    """Function (theta (N,), inputs (B, d), labels (B,)) -> gradient (N,), with the tangent product above."""
    layers = len(shapes) // 2
    slope, curvature = derivative(activation), derivative(derivative(activation))

    def parts(theta: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        """Transposed kernels (..., out, in) and biases (..., out, 1) of theta (..., N)."""
        kernels, biases = [], []
        for name, where in slices(shapes).items():
            part = theta[..., where].reshape(*theta.shape[:-1], *shapes[name])
            if name.endswith("kernel"):
                kernels.append(part.swapaxes(-1, -2))
            else:
                biases.append(part[..., None])
        return kernels, biases

    def flat(kernels: list[jax.Array], signals: list[jax.Array]) -> jax.Array:
        """Gradient (..., N) from the transposed kernels' gradients (..., out, in) and the signals g_l (..., out, B)."""
        pairs = zip(signals, kernels, strict=True)
        ordered = [part for g, K in pairs for part in (g.sum(-1), K.swapaxes(-1, -2).reshape(*g.shape[:-2], -1))]
        return jnp.concatenate(ordered, axis=-1)

    def forward(theta: jax.Array, inputs: jax.Array, labels: jax.Array) -> tuple[Any, ...]:
        kernels, biases = parts(theta)
        a, z = [inputs.T], []
        for K, b in zip(kernels, biases, strict=True):
            z.append(K @ a[-1] + b)
            a.append(activation(z[-1]))
        p = jax.nn.softmax(z[-1], axis=0)
        g = [(p - jax.nn.one_hot(labels, len(p), axis=0, dtype=p.dtype)) / len(inputs)]
        e: list[jax.Array] = []
        for layer in range(layers - 1, 0, -1):
            e.insert(0, kernels[layer].T @ g[0])
            g.insert(0, e[0] * slope(z[layer - 1]))
        return kernels, a, z, p, g, e

    def rows(tangents: jax.Array, matrix: jax.Array) -> jax.Array:
        """(K, m, n) times (n, q) as one GEMM of K * m rows."""
        count, m, n = tangents.shape
        return (tangents.reshape(count * m, n) @ matrix).reshape(count, m, -1)

    def products(theta: jax.Array, inputs: jax.Array, labels: jax.Array, tangents: jax.Array) -> jax.Array:
        """Hessian-vector products (K, N) with tangents (K, N)."""
        kernels, a, z, p, g, e = forward(theta, inputs, labels)
        d_kernels, d_biases = parts(tangents)
        d_z: list[jax.Array] = []
        d_a: list[jax.Array] = []  # of a_1 onwards; a_0 is data
        for layer in range(layers):
            d_z.append(rows(d_kernels[layer], a[layer]) + d_biases[layer])
            if layer:
                d_z[layer] += jnp.matmul(kernels[layer], d_a[layer - 1])
            if layer < layers - 1:
                d_a.append(slope(z[layer]) * d_z[layer])
        d_g = p * (d_z[-1] - jnp.sum(p * d_z[-1], axis=-2, keepdims=True)) / len(inputs)
        signals, out = [d_g], [rows(d_g, a[-2].T)]
        for layer in range(layers - 1, 0, -1):
            out[0] += rows(d_a[layer - 1], g[layer].T).swapaxes(-1, -2)
            d_e = jnp.matmul(kernels[layer].T, d_g) + rows(d_kernels[layer].swapaxes(-1, -2), g[layer])
            d_g = slope(z[layer - 1]) * d_e + curvature(z[layer - 1]) * e[layer - 1] * d_z[layer - 1]
            signals.insert(0, d_g)
            out.insert(0, rows(d_g, a[layer - 1].T))
        return flat(out, signals)

    @jax.custom_batching.custom_vmap
    def product(theta: jax.Array, inputs: jax.Array, labels: jax.Array, tangent: jax.Array) -> jax.Array:
        return products(theta, inputs, labels, tangent[None])[0]

    @product.def_vmap
    def _batched(size: int, batched: list[bool], *arguments: jax.Array) -> tuple[jax.Array, bool]:
        if batched == [False, False, False, True]:
            return products(*arguments), True
        axes = [0 if each else None for each in batched]
        one = lambda theta, x, y, tangent: products(theta, x, y, tangent[None])[0]
        each: Callable[..., jax.Array] = jax.vmap(one, in_axes=axes)
        return each(*arguments), True

    @jax.custom_jvp
    def gradient(theta: jax.Array, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        _, a, _, _, g, _ = forward(theta, inputs, labels)
        return flat([g[layer] @ a[layer].T for layer in range(layers)], g)

    @gradient.defjvp
    def _tangent(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
        return gradient(*primals), product(*primals, tangents[0])  # the data have no tangent

    return gradient
