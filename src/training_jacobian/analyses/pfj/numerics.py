"""Parameter-function Jacobian (PFJ): d log-softmax / d theta on a set of inputs (paper section on the PFJ)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from training_jacobian.learning import exact_bulk
from training_jacobian.learning.layout import Shapes, slices
from training_jacobian.learning.precision import in_64_bits

CHUNK = 64  # inputs differentiated together
RESIDUAL = 1e-12
NULL = 1e-11  # singular values below this part of the largest are zero; rounding leaves 1e-12 of it


@in_64_bits
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
    """Singular values S (N,), rising, and right vectors as rows (N, N) of a PFJ P (m, N), in float64.

    Eigenvectors of P^T P, four times as fast as an SVD of P.  Squaring blurs what is small, so the block with S below
    1e-4 S_1 is resolved by an SVD of P on it.  Within the null space the order of the rows means nothing: it stays as
    rounding in P^T P makes it.  Raises ArithmeticError if |P^T P w - V diag(S^2) V^T w| / (S_1^2 |w|) is above 1e-12
    for one random w: a wrong decomposition has no chance to pass.
    """
    squares, V = scipy.linalg.eigh(P.T @ P, driver="evd", overwrite_a=True, check_finite=False)
    S = np.sqrt(np.maximum(squares, 0))
    small = int((squares < 1e-8 * squares[-1]).sum())
    if small:
        blurred = V[:, :small]
        R = scipy.linalg.qr(P @ blurred, mode="r", overwrite_a=True, check_finite=False)[0][:small]
        _, resolved, Wt = scipy.linalg.svd(R, check_finite=False)
        sharp = blurred @ Wt[::-1].T
        S[:small] = 0  # where there are fewer outputs than these
        S[small - len(resolved) : small] = resolved[::-1]
        null = int((NULL * S[-1] > S).sum())
        order = scipy.linalg.qr(sharp[:, :null].T @ blurred[:, :null], mode="economic")[0]
        V[:, :small] = np.concatenate([sharp[:, :null] @ order, sharp[:, null:]], axis=1)
    w = np.random.default_rng(0).standard_normal(len(S))
    residual = np.linalg.norm(P.T @ (P @ w) - V @ (S**2 * (V.T @ w))) / (S[-1] ** 2 * np.linalg.norm(w))
    if not residual <= RESIDUAL:
        raise ArithmeticError(f"the decomposition of the PFJ has residual {residual:.1e}, above {RESIDUAL:.0e}")
    return np.sort(S), V.T


def nullity(S: np.ndarray) -> int:
    """Number of singular values that are zero but for rounding: below 1e-11 S_1."""
    return int((NULL * S.max() > S).sum())


def trivial(P: np.ndarray, S: np.ndarray, predicted: np.ndarray, model: dict[str, Any]) -> np.ndarray:
    """Orthonormal basis (N, t) of what of the null space of a PFJ P (m, N) is seen without decomposing it.

    `predicted` (N, b), orthonormal, and the parameters that no output depends on, such as those of a unit of ReLU that
    is off on all inputs.  Raises ArithmeticError if P, with singular values S (N,), does not vanish on what is
    predicted for `model`, its parameters.
    """
    moved, most = float(np.linalg.norm(P @ predicted, axis=0).max(initial=0)), NULL * float(S.max())
    if not moved <= most:
        raise ArithmeticError(exact_bulk.wrong(model, f"the PFJ has |P b| up to {moved:.1e}, by rounding {most:.1e}"))
    untouched = np.eye(P.shape[1])[:, ~P.any(axis=0)]
    more, part, _ = np.linalg.svd(untouched - predicted @ (predicted.T @ untouched), full_matrices=False)
    return np.hstack([predicted, more[:, part > 0.5]])  # a parameter's part beside it is 0 or 1


def trivial_nullity(P: np.ndarray, inputs: np.ndarray, shapes: Shapes) -> dict[str, int]:
    """What of the null space of an MLP's PFJ P (m, N) has nothing to do with what the network does on inputs (n, d).

    `gauge`: softmax ignores a number added to all classes, for each unit of the last hidden layer and the bias.
    `dead_inputs`: weights from pixels that no input lights.
    `rare_inputs`: pixels lit too rarely.  The outputs of an input have rank classes - 1, so the weights from a set of
    pixels that are lit by m inputs in all have rank <= m (classes - 1), and at least pixels * units - m (classes - 1)
    of their directions are null, without units of the first layer that no input turns on.  The set with the most is
    looked for among the prefixes from the rarest: a lower bound.
    """
    parts, first_bias = list(shapes.values()), next(iter(slices(shapes).values()))
    last, classes = parts[-1]
    lit = inputs != 0
    order = np.argsort(lit.sum(axis=0), kind="stable")
    inputs_lit = np.array([lit[:, order[: count + 1]].any(axis=1).sum() for count in range(len(order))])
    units = on = classes - 1  # of what the first layer's gradient can fill
    if len(parts) > 2:
        units, on = parts[0][0], int(P[:, first_bias].any(axis=0).sum())
    null = np.arange(1, len(order) + 1) * on - inputs_lit * (classes - 1)
    dead = int((lit.sum(axis=0) == 0).sum())
    return {"gauge": last + 1, "dead_inputs": dead * units, "rare_inputs": max(int(null.max()) - dead * on, 0)}
