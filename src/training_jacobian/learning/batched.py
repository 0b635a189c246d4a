"""Products of matrices with K tangents that travel together, as K GEMMs or as one.  Left to itself, XLA transposes."""

import jax
import jax.numpy as jnp


def rows(tangents: jax.Array, matrix: jax.Array) -> jax.Array:
    """(K, m, n) times (n, q): (K, m, q), one GEMM."""
    count, m, n = tangents.shape
    return (tangents.reshape(count * m, n) @ matrix).reshape(count, m, -1)


def each(matrix: jax.Array, tangents: jax.Array, transposed: bool = False) -> jax.Array:
    """(m, n) times (K, n, q), or times the transposes of (K, q, n): (K, m, q), K GEMMs.

    The barrier keeps XLA from making one GEMM of it, with the tangents transposed.
    """
    copies = jnp.broadcast_to(matrix, (len(tangents), *matrix.shape))
    copies = jax.lax.optimization_barrier(copies)  # type: ignore[no-untyped-call]
    return jax.lax.dot_general(copies, tangents, (((2,), (2 if transposed else 1,)), ((0,), (0,))))
