"""The largest singular triplets of a linear operator, each with a bound on its error: block Golub-Kahan.

Orthonormal V and U grow by a block at a time, V by what A^T U_j leaves outside of V, U by what A V_j leaves outside of
U (Golub, Luk and Overton 1981), all orthogonalised against all, twice.  The triplets are those of U^T A V.  All
products are kept, so that the residuals r = |A v - sigma u| and s = |A^T u - sigma v| are measured, not estimated: some
singular value lies within sqrt((r^2 + s^2) / 2) of sigma, being an eigenvalue of [[0, A], [A^T, 0]].

Why not a library: not for speed, scipy's PROPACK is as fast (benchmarks/partial_svd.py).  But PROPACK and ARPACK keep
no products, so that bounds cost two more a triplet, and what has not converged comes as an error or not at all, where
here it is returned, and marked, with the bound that it has.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import LinearOperator

ROUNDING = 1e-12  # part of a unit vector inside a basis above which it does not lie outside


def _outside(X: np.ndarray, basis: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Orthonormal basis of what of X (n, b) lies outside the orthonormal `basis` (n, m); at most n - m columns.

    Where nothing does, as of a zero operator, random directions take its place.
    """
    room = basis.shape[0] - basis.shape[1]
    while True:
        for _ in range(2):
            X = X - basis @ (basis.T @ X)
            X = scipy.linalg.qr(X, mode="economic", check_finite=False)[0][:, :room]
        inside = np.abs(basis.T @ X).max(axis=0, initial=0) > ROUNDING
        if not inside.any():
            return X
        X[:, inside] = random.standard_normal((len(X), int(inside.sum())))


def largest(
    A: LinearOperator,
    rank: int,
    tolerance: float,
    block: int,
    most: int,
    seed: int = 0,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[str, np.ndarray]:
    """The `rank` largest singular triplets of A (n, n), in float64, from a random start of `block` vectors.

    Stops when the bounds of all are at most `tolerance` times their singular value, or after `most` products with
    vectors by A and as many by A^T.  Returns U (n, rank), S (rank,) falling, Vt (rank, n), `bound` (rank,), `residual`
    (rank, 2), i.e. r and s, `converged` (rank,) bool, and `products` (), how many there were.  What has not converged
    is no singular value.  `advance(count)` is told of products.  Raises ArithmeticError if a product is not finite,
    ValueError if not 0 < rank <= most and rank <= n.
    """
    size = A.shape[0]
    if not 0 < rank <= min(size, most):
        raise ValueError(f"rank {rank} is not in 1..{min(size, most)}, the size and the most products")
    U, V, AV, AtU = (np.zeros((size, 0)) for _ in range(4))
    random = np.random.default_rng(seed)
    new = random.standard_normal((size, block))
    while True:
        new = _outside(new[:, : most - V.shape[1]], V, random)
        V, AV = np.hstack([V, new]), np.hstack([AV, _finite(A.matmat(new))])
        left = _outside(AV[:, -new.shape[1] :], U, random)
        U, AtU = np.hstack([U, left]), np.hstack([AtU, new := _finite(A.rmatmat(left))])
        advance(new.shape[1])
        X, S, Wt = scipy.linalg.svd(U.T @ AV, full_matrices=False, check_finite=False)
        X, S, Wt = X[:, :rank], S[:rank], Wt[:rank]
        u, v = U @ X, V @ Wt.T
        residual = np.stack([np.linalg.norm(each, axis=0) for each in (AV @ Wt.T - S * u, AtU @ X - S * v)], axis=1)
        bound = np.sqrt((residual**2).sum(axis=1) / 2)
        converged = bound <= tolerance * S
        if (len(S) == rank and converged.all()) or V.shape[1] >= min(size, most):
            break
    sign = np.sign(np.take_along_axis(v, np.abs(v).argmax(axis=0)[None], axis=0))  # as in svd.py
    found = {"U": u * sign, "S": S, "Vt": (v * sign).T, "bound": bound, "residual": residual, "converged": converged}
    return {**found, "products": np.array(V.shape[1])}


def _finite(product: np.ndarray) -> np.ndarray:
    if np.iscomplexobj(product):
        raise TypeError("a product is complex; this is of real operators: take scipy's svds for others")
    if not np.isfinite(product).all():
        raise ArithmeticError("a product with J is not finite; lower the learning rate or look at the training loss")
    return np.asarray(product, np.float64)
