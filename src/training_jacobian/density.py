"""How many singular values lie below a threshold, without computing them: stochastic Lanczos quadrature.

For a random unit vector z, F(t) = sum of (z . v_i)^2 over sigma_i < t has the expectation "part of all sigma_i that lie
below t" (Ubaru, Chen and Saad 2017).  k Lanczos steps on A^T A from z give nodes theta_j, rising, and weights w_j with

    w_1 + ... + w_{j-1}  <=  F(theta_j)  <=  w_1 + ... + w_j        (Chebyshev, Markov and Stieltjes),

so that what k steps cannot resolve is bounded, not guessed.  Nodes lie about pi sigma_max / 2k apart: directions of
large singular values are to be computed beforehand, and left out.  Any r orthonormal directions may be: what remains is
A without r columns, of which as many sigma lie below t as of A, or up to r fewer (interlacing).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.stats
from scipy.sparse.linalg import LinearOperator

# part of the largest alpha below which a new vector is rounding: z is exhausted, what follows has no weight
ENDED = 1e-13


def quadrature(
    A: LinearOperator,
    deflated: np.ndarray,
    probes: int,
    steps: int,
    seed: int = 0,
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes theta (probes, steps), rising, weights w (probes, steps), which add up to 1, and vectors, of A (n, n).

    In the complement of the orthonormal columns `deflated` (n, r).  All vectors of a probe are orthogonalised against
    each other.  The vectors v (n, probes), of unit length, are those of the least node of each probe: |A v| = theta_1.
    `advance(1)` is called after each step.  Raises ValueError if there are more steps than directions.
    """
    size = A.shape[0]
    if steps > size - deflated.shape[1]:
        raise ValueError(f"{steps} steps are more than the {size - deflated.shape[1]} directions; lower density.steps")

    def inside(X: np.ndarray) -> np.ndarray:
        return X - deflated @ (deflated.T @ X)

    Q = np.zeros((steps + 1, size, probes))
    alpha, beta = np.zeros((steps, probes)), np.zeros((steps, probes))
    Q[0] = inside(np.random.default_rng(seed).standard_normal((size, probes)))
    Q[0] /= np.linalg.norm(Q[0], axis=0)
    for k in range(steps):
        W = inside(np.asarray(A.rmatmat(A.matmat(Q[k])), np.float64))
        alpha[k] = np.sum(Q[k] * W, axis=0)
        for _ in range(2):
            for p in range(probes):
                W[:, p] -= Q[: k + 1, :, p].T @ (Q[: k + 1, :, p] @ W[:, p])
            W = inside(W)
        norm = np.linalg.norm(W, axis=0)
        beta[k] = np.where(norm > ENDED * alpha.max(), norm, 0)
        Q[k + 1] = np.divide(W, beta[k], out=np.zeros_like(W), where=beta[k] > 0)
        advance(1)
    found = [scipy.linalg.eigh_tridiagonal(alpha[:, p], beta[:-1, p]) for p in range(probes)]
    nodes = np.sqrt(np.maximum([squares for squares, _ in found], 0))
    least = np.stack([Q[:-1, :, p].T @ vectors[:, 0] for p, (_, vectors) in enumerate(found)], axis=1)
    return nodes, np.array([vectors[0] ** 2 for _, vectors in found]), least


def counts(
    nodes: np.ndarray, weights: np.ndarray, thresholds: list[float], size: int, others: np.ndarray | None = None
) -> pd.DataFrame:
    """Number of singular values below each threshold, of `size` in all, from a `quadrature`.

    The r directions left out of it are taken for singular vectors of A that lie above.  Where they are not, `others`
    (r,) says as much of A as is known: that its i-th largest singular value is at least others[i].

    One row a threshold: `count`; `statistical`, the 95 % interval of the mean over the probes; `resolution`, how far
    the bounds on F reach from it; `low` and `high`, the count and both together, and with `others` r on top, but
    no more than they leave.  Between nodes F is interpolated.  A threshold with fewer than two nodes below it in some
    probe is below the resolution: its row has no numbers.
    """
    below = np.cumsum(weights, axis=1)
    rows = []
    for threshold in thresholds:
        inside = (nodes < threshold).sum(axis=1)
        row = {"threshold": threshold, "probes": len(nodes), "steps": nodes.shape[1]}
        if inside.min() < 2:
            rows.append(row)
            continue
        each = np.array([np.interp(threshold, n, b - w / 2) for n, b, w in zip(nodes, below, weights, strict=True)])
        last = np.arange(len(nodes)), inside - 1  # F(t) >= F of the last node below t, <= F of the first above
        least, most = below[last] - weights[last], np.pad(below, ((0, 0), (0, 1)), constant_values=1)[last[0], inside]
        quantile = float(scipy.stats.t.ppf(0.975, len(each) - 1))
        statistical = quantile * float(each.std(ddof=1)) / np.sqrt(len(each))
        resolution = max(float((most - each).mean()), float((each - least).mean()))
        numbers = {"count": float(each.mean()), "statistical": statistical, "resolution": resolution}
        numbers |= {
            "low": numbers["count"] - statistical - resolution,
            "high": numbers["count"] + statistical + resolution,
        }
        whole = {name: size * value for name, value in numbers.items()}
        if others is not None:
            whole["high"] = min(whole["high"], size - (others >= threshold).sum()) + len(others)
        rows.append({**row, **whole})
    columns = ["threshold", "count", "statistical", "resolution", "low", "high", "probes", "steps"]
    return pd.DataFrame(rows, columns=columns)
