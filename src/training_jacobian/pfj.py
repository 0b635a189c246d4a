"""Parameter-function Jacobian (PFJ): d log-softmax / d theta on a set of inputs (paper section on the PFJ)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

CHUNK = 64  # inputs differentiated together
RESIDUAL = 1e-12


def parameter_function_jacobian(
    logits: Callable[[jax.Array, jax.Array], jax.Array], theta: Any, inputs: Any
) -> np.ndarray:
    """d log_softmax(logits(theta, x))_c / d theta (n * classes, N) float64, at theta (N,), of inputs (n, d) in turn."""
    theta, inputs = jnp.asarray(theta, jnp.float64), jnp.asarray(inputs, jnp.float64)
    outputs = lambda theta, x: jax.nn.log_softmax(logits(theta, x[None])[0])
    rows = jax.jit(jax.vmap(jax.jacrev(outputs), in_axes=(None, 0)))
    blocks = [np.asarray(rows(theta, inputs[first : first + CHUNK])) for first in range(0, len(inputs), CHUNK)]
    return np.concatenate(blocks).reshape(-1, len(theta))


def decompose(P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values (N,), rising, and right vectors as rows (N, N) of a PFJ P (m, N) with m >= N, in float64.

    The order of the rows among zero singular values means nothing: it is what rounding makes of it.  Raises ValueError
    if m < N, ArithmeticError if the residual max_i ||P v_i| - S_i| / S_1 is above 1e-12.
    """
    if len(P) < P.shape[1]:
        raise ValueError(f"{len(P)} outputs for {P.shape[1]} parameters leave directions free; take more inputs")
    _, S, Vt = scipy.linalg.svd(P, full_matrices=False, lapack_driver="gesdd", check_finite=False)
    residual = np.abs(np.linalg.norm(P @ Vt.T, axis=0) - S).max() / S[0]
    if not residual <= RESIDUAL:
        raise ArithmeticError(f"SVD of the PFJ has residual {residual:.1e}, above {RESIDUAL:.0e}")
    return S[::-1], Vt[::-1]


def nullity(S: np.ndarray, rows: int) -> int:
    """Number of singular values that are zero but for rounding: below eps max(m, N) S_1, as in numpy's matrix_rank."""
    return int((np.finfo(np.float64).eps * max(rows, len(S)) * S.max() > S).sum())


def trivial_nullity(inputs: np.ndarray, hidden: list[int], classes: int) -> dict[str, int]:
    """What of the null space of an MLP's PFJ has nothing to do with what the network does on inputs (n, d).

    `gauge`: softmax ignores a number added to all classes, for each unit of the last hidden layer and the bias.
    `dead_inputs`: weights from pixels that no input lights.
    `rare_inputs`: pixels lit too rarely.  The outputs of an input have rank classes - 1, so the weights from a set of
    pixels that are lit by m inputs in all have rank <= m (classes - 1), and at least pixels * hidden - m (classes - 1)
    of their directions are null.  The set with the most is looked for among the prefixes from the rarest: a lower
    bound.
    """
    lit = inputs != 0
    order = np.argsort(lit.sum(axis=0), kind="stable")
    inputs_lit = np.array([lit[:, order[: count + 1]].any(axis=1).sum() for count in range(len(order))])
    width = hidden[0] if hidden else classes - 1  # of what the first layer's gradient can fill
    null = np.arange(1, len(order) + 1) * width - inputs_lit * (classes - 1)
    dead = int((lit.sum(axis=0) == 0).sum()) * width
    last = hidden[-1] if hidden else inputs.shape[1]
    return {"gauge": last + 1, "dead_inputs": dead, "rare_inputs": max(int(null.max()), dead) - dead}
