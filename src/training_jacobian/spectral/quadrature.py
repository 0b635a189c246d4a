"""How many singular values lie below a threshold, without computing them: stochastic Lanczos quadrature.

For a random unit vector z, F(t) = sum of (z . v_i)^2 over sigma_i < t has the expectation "part of all sigma_i that lie
below t" (Ubaru, Chen and Saad 2017).  k Lanczos steps on A^T A from z give nodes theta_j, rising, and weights w_j with

    w_1 + ... + w_{j-1}  <=  F(theta_j)  <=  w_1 + ... + w_j        (Chebyshev, Markov and Stieltjes),

so that what k steps cannot resolve is bounded, not guessed.  At least as many sigma_i lie below t as nodes do, and as
many above (Cauchy).  Of p Gaussian probes the mean F, weighted with their squared lengths, is distributed as
Beta(p c / 2, p (m - c) / 2) if c of m singular values lie below t: limits for c that hold near F = 0 and 1, too.

Nodes lie about pi sigma_max / 2k apart: directions of large singular values are to be computed before, and deflated.
Let B be A without r orthonormal directions V, and n(t) the number of sigma_i < t.  Then, whatever V is,

    n_B(t)  <=  n_A(t)  <=  n_B(t) + r        (interlacing);  and if A V = U S + R and A^T U = V S + Q,

    n_B(t - e) + #{s_i < t - e}  <=  n_A(t)  <=  n_B(t + e) + #{s_i < t + e},        e = 2 sqrt(b_1^2 + ... + b_r^2),

where b_i^2 = (|R_i|^2 + |Q_i|^2) / 2 is the squared bound of a triplet in partial_svd.  For with [V, V'] and [U, U']
orthogonal, U^T A V' = Q^T V', and A, with r rows of zeros below, differs in these bases by at most e, in norm, from C:

    A [V, V'] = [U S + R,  U Q^T V' + U' U'^T A V']        C = [U S,  U' U'^T A V']        |R|^2 + 2 |Q|^2  <=  e^2
                [0,        0                      ]            [0,    -Q^T V'     ]        (norms of Frobenius),

and C^T C is the direct sum of S^2 and B^T B: the singular values of C are those of S and of B.  (Weyl.)  With only the
best j triplets kept as such, the other r - j are any directions: they add r - j above, and nothing to e.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.special
from scipy.sparse.linalg import LinearOperator

ROUNDING = 1e-13  # part of the largest alpha, of sigma, or of F, below which is rounding
SINGLE = 1e-6  # what products in float32 may add to a Ritz value, as a part of it
OUTSIDE = 5e-4  # probability that the count lies below `low`, and that it lies above `high`


class Quadrature(NamedTuple):
    """Of `probes` probes, the p-th after ended[p] steps if it was exhausted then, else after all `steps`."""

    nodes: np.ndarray  # (probes, steps), rising; what is past the end is NaN
    weights: np.ndarray  # (probes, steps), they add up to 1; past the end 0
    vectors: np.ndarray  # (n, probes), of unit length, those of the least node of each probe: |A v| = theta_1
    lengths: np.ndarray  # (probes,), of the probes before they were scaled to 1
    exact: np.ndarray  # (probes,) bool: exhausted, so that F is the sum of weights below t
    rounding: np.ndarray  # (probes,), of the squares of the nodes
    directions: int  # m = n - r


def quadrature(
    A: LinearOperator,
    deflated: np.ndarray,
    probes: int,
    steps: int,
    seed: int = 0,
    advance: Callable[[int], None] = lambda count: None,
) -> Quadrature:
    """Of a real A (n, n) in the complement of the orthonormal columns `deflated` (n, r), in float64.

    All vectors of a probe are orthogonalised against each other; how far that is from what a symmetric A^T A would
    leave to do is its rounding, in whatever precision the products are.  `advance(1)` is called after each step.
    Raises TypeError if A is complex, ValueError if there are more steps than directions or `deflated` is not
    orthonormal, ArithmeticError if a product is not finite.
    """
    size, left_out = deflated.shape
    if np.issubdtype(A.dtype, np.complexfloating):
        raise TypeError(f"the operator is {A.dtype}; counts are of real operators")
    if steps > size - left_out:
        raise ValueError(f"{steps} steps are more than the {size - left_out} directions; lower density.steps")
    if (off := np.abs(deflated.T @ deflated - np.eye(left_out)).max(initial=0)) > 1e-8:
        raise ValueError(f"the deflated directions are off orthonormal by {off:.1e}; compute the triplets again")

    def inside(X: np.ndarray) -> np.ndarray:
        return X - deflated @ (deflated.T @ X)

    Q = np.zeros((steps + 1, size, probes))
    alpha, beta, asymmetry = np.zeros((steps, probes)), np.zeros((steps, probes)), np.zeros(probes)
    # not the stream of partial_svd: its start, of the same seed, is no random probe outside of what came of it
    Q[0] = inside(np.random.default_rng([seed, 1]).standard_normal((size, probes)))
    lengths = np.linalg.norm(Q[0], axis=0)
    Q[0] /= lengths
    for k in range(steps):
        product = np.asarray(A.rmatmat(A.matmat(Q[k])), np.float64)
        if not np.isfinite(product).all():
            raise ArithmeticError(f"the product of step {k + 1} is not finite; lower the learning rate")
        W = inside(product)
        alpha[k] = np.sum(Q[k] * W, axis=0)
        removed = np.zeros((k + 1, probes))
        for _ in range(2):
            for p in range(probes):
                removed[:, p] += (parts := Q[: k + 1, :, p] @ W[:, p])
                W[:, p] -= Q[: k + 1, :, p].T @ parts
            W = inside(W)
        removed[k] -= alpha[k]
        removed[k - 1 : k] -= beta[k - 1 : k]
        asymmetry += (removed**2).sum(axis=0)
        norm = np.linalg.norm(W, axis=0)
        beta[k] = np.where(norm > ROUNDING * alpha.max(), norm, 0)
        Q[k + 1] = np.divide(W, beta[k], out=np.zeros_like(W), where=beta[k] > 0)
        advance(1)
    nodes, weights = np.full((probes, steps), np.nan), np.zeros((probes, steps))
    vectors, exact = np.zeros((size, probes)), (beta == 0).any(axis=0)
    for p in range(probes):
        end = int(np.argmax(beta[:, p] == 0)) + 1 if exact[p] else steps
        squares, found = scipy.linalg.eigh_tridiagonal(alpha[:end, p], beta[: end - 1, p])
        nodes[p, :end], weights[p, :end] = np.sqrt(np.maximum(squares, 0)), found[0] ** 2
        vectors[:, p] = Q[:end, :, p].T @ found[:, 0]
    rounding = np.sqrt(asymmetry) + ROUNDING * alpha.max()
    return Quadrature(nodes, weights, vectors, lengths, exact, rounding, size - left_out)


class Limits(NamedTuple):
    """For n_B, from one threshold below the true one and one above."""

    least: np.ndarray  # (probes,), F is at least that
    most: np.ndarray  # (probes,), and at most that
    low: int  # n_B is at least that, at most `high`
    high: int


def _fewest(parts: np.ndarray, found: Quadrature, outside: float) -> int:
    """Fewest c of m directions with which the mean F reaches that of `parts` with a probability of `outside`."""
    part, p, m = float(np.average(parts, weights=found.lengths**2)), len(parts), found.directions
    if part <= 0:
        return 0
    reaches = lambda c: float(scipy.special.betaincc(p * c / 2, p * (m - c) / 2, min(part, 1)))
    return bisect_left(range(m), outside, lo=1, key=reaches)


def _limits(found: Quadrature, lower: float, upper: float, outside: float) -> Limits:
    """`outside` is the probability with which n_B is less than `low`, and that with which it is more than `high`."""
    squares, rounding, exact = found.nodes**2, found.rounding[:, None], found.exact[:, None]
    under = np.sqrt(squares + rounding) < lower
    over = np.sqrt(np.maximum(squares - rounding, 0)) >= upper
    # of a probe that is not exhausted, the weight of the node next to the threshold is on neither side for certain
    least = np.where(np.where(exact, under, np.pad(under[:, 1:], ((0, 0), (0, 1)))), found.weights, 0).sum(axis=1)
    rest = np.where(np.where(exact, over, np.pad(over[:, :-1], ((0, 0), (1, 0)))), found.weights, 0).sum(axis=1)
    low = max(_fewest(least, found, outside), int(under.sum(axis=1).max()))
    high = found.directions - max(_fewest(rest, found, outside), int(over.sum(axis=1).max()))
    return Limits(least, 1 - rest, low, high)


def counts(found: Quadrature, thresholds: list[float], sigma: np.ndarray, bound: np.ndarray) -> pd.DataFrame:
    """Number of singular values of A (n, n) below each threshold, of all n, from the quadrature without r directions.

    These are triplets of A, Ritz values `sigma` (r,) with the bounds on their errors `bound` (r,); or they are not, and
    then `bound` is infinite, and the i-th largest singular value of A known to be at least the i-th largest `sigma`.

    One row a threshold: `low` and `high`, between which the number lies with a probability of at least 99.9 %; `count`,
    an estimate, for which F is interpolated between nodes, and half of the directions count that were left out and are
    neither triplets nor known to lie above; `resolution`, how far the bounds on F, with none or all of these, are from
    it, and `statistical`, how much further the limits for n_B are.  A threshold with fewer than two nodes below it, in
    a probe that is not exhausted, is below the resolution: its row has `low` and `high` only.
    """
    m, r, best = found.directions, len(sigma), np.argsort(bound, kind="stable")
    bound = bound + ROUNDING * sigma
    values, known = sigma[best], sigma - np.minimum(bound, SINGLE * sigma)
    shifts = np.append(0, 2 * np.sqrt(np.cumsum(bound[best] ** 2)))
    below = np.cumsum(found.weights, axis=1)
    rows = []
    for t in thresholds:
        # kept as triplets: the best if values were spread evenly below t; all that are clear of t; none.  No probe has
        # a say, and each choice its part of OUTSIDE, so that the level is kept.
        even = int(np.argmin(r - np.arange(r + 1) + 2 * m * shifts / t))
        clear = np.flatnonzero(np.minimum.accumulate(np.abs(values - t)) >= shifts[1:]).max(initial=-1) + 1
        choices = sorted({0, even, max(even, int(clear))}, reverse=True)
        low, high = 0, m + r - int((known >= t).sum())
        for kept in choices:
            e = shifts[kept]
            limits = _limits(found, t - e, t + e, OUTSIDE / len(choices))
            low = max(low, limits.low + int((values[:kept] < t - e).sum()))
            high = min(high, limits.high + int((values[:kept] < t + e).sum()) + r - kept)
        row = {"threshold": t, "low": min(low, high), "high": high, "probes": len(below), "steps": below.shape[1]}
        inside = (found.nodes < t).sum(axis=1)
        if (found.exact | (inside >= 2)).all():
            parts = zip(found.nodes, below - found.weights / 2, strict=True)
            between = [np.interp(t, nodes, part) for nodes, part in parts]
            each = np.where(found.exact, np.where(found.nodes < t, found.weights, 0).sum(axis=1), between)
            triplets = np.isfinite(bound)
            # of directions that are no triplets, those not known to lie above may lie on either side
            half = int((known[~triplets] < t).sum()) / 2
            count = m * float(each.mean()) + int((sigma[triplets] < t).sum()) + half
            resolution = m * max(float((limits.most - each).mean()), float((each - limits.least).mean())) + half
            further = max(m * float(limits.least.mean()) - limits.low, limits.high - m * float(limits.most.mean()), 0.0)
            row |= {"count": min(max(count, low), high), "statistical": further, "resolution": resolution}
        rows.append(row)
    columns = ["threshold", "count", "statistical", "resolution", "low", "high", "probes", "steps"]
    return pd.DataFrame(rows, columns=columns)
