"""The largest eigenvalues of a symmetric operator, each with its residual."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

DENSE = 500  # up to this size the matrix is formed and decomposed
POWERS = 3  # products, for the size of the largest eigenvalue
RANDOM = 0.01  # of what Lanczos begins with


@dataclass(frozen=True)
class Eigen:
    """`values` (m,) falling, by sign and not by size; `vectors` (N, m); `residual` (m,) = |A v - lambda v|, measured.

    What did not converge has a residual above what was asked, or is not a number.
    """

    values: np.ndarray
    vectors: np.ndarray
    residual: np.ndarray
    converged: np.ndarray

    def part(self, vector: np.ndarray, first: int, last: int) -> float:
        """|P g|^2 / |g|^2 of a vector g (N,), P projecting onto the eigenvectors first..last-1, counted from 0."""
        return float(np.sum((self.vectors[:, first:last].T @ vector) ** 2) / np.sum(vector**2))


def largest(
    A: LinearOperator, count: int, tolerance: float, start: np.ndarray | None = None, seed: int = 0, most: int = 2000
) -> Eigen:
    """The `count` largest eigenvalues of a symmetric A (N, N): dense, or by ARPACK's restarted Lanczos.

    A pair has converged if its residual is at most `tolerance` |A|, or what is known of |A|: the largest |eigenvalue|
    that was seen.  Lanczos begins near `start` (N,), or at a random vector, and stops after about `most` products, or
    twice as many.  Raises ValueError if not 0 < count < N.
    """
    size = A.shape[0]
    if not 0 < count < size:
        raise ValueError(f"{count} eigenpairs are not in 1..{size - 1}, all but one that there are")
    values, vectors, scale = np.empty(0), np.empty((size, 0)), 0.0
    if size <= DENSE:
        made = A @ np.eye(size)
        if np.isfinite(made).all():
            values, vectors = scipy.linalg.eigh((made + made.T) / 2)
            scale = np.abs(values).max()
            values, vectors = values[size - count :], vectors[:, size - count :]
    else:
        values, vectors, scale = _lanczos(A, count, tolerance, _begin(size, start, seed), most)
    order = np.argsort(values)[::-1]
    values, vectors = values[order], vectors[:, order]
    residual = np.linalg.norm(A @ vectors - vectors * values, axis=0) if len(values) else values
    missing = count - len(values)
    values, residual = (np.pad(each, (0, missing), constant_values=np.nan) for each in (values, residual))
    vectors = np.pad(vectors, ((0, 0), (0, missing)), constant_values=np.nan)
    scale = max(scale, *np.abs(values[:1]))
    return Eigen(values, vectors, residual, residual <= tolerance * scale)


def _begin(size: int, start: np.ndarray | None, seed: int) -> np.ndarray:
    """A vector (N,) near `start`, never in an invariant subspace that has it: Lanczos would see that one alone."""
    random = np.random.default_rng(seed).standard_normal(size)
    long = 0.0 if start is None else float(np.linalg.norm(start))
    if start is None or not 0 < long < np.inf:
        return random
    near: np.ndarray = start / long + RANDOM * random / np.linalg.norm(random)
    return near


def _lanczos(
    A: LinearOperator, count: int, tolerance: float, begin: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Eigenvalues and eigenvectors that have converged, and a lower bound of |A|.

    ARPACK asks of each a residual relative to itself, which one that is almost 0 never has: it sees A + shift I, whose
    Krylov spaces are the same, and whose eigenvalues are about as large as the largest.
    """
    size, along, shift = A.shape[0], begin, 0.0
    for _ in range(POWERS):
        along = A @ (along / np.linalg.norm(along))
        shift = max(float(np.linalg.norm(along)), shift)
        if not np.isfinite(shift):
            return np.empty(0), np.empty((size, 0)), shift
        if shift == 0:  # of a random vector: A is 0
            return np.zeros(count), np.linalg.qr(np.random.default_rng(0).standard_normal((size, count)))[0], shift
    shifted = LinearOperator((size, size), matvec=lambda v: A @ v + shift * v, dtype=np.float64)
    width = min(size, max(2 * count + 1, 20))
    turns = max(1, most // width)
    try:
        values, vectors = eigsh(shifted, count, which="LA", v0=begin, ncv=width, tol=tolerance / 10, maxiter=turns)
    except ArpackNoConvergence as error:
        values, vectors = error.eigenvalues, error.eigenvectors
        if len(values):  # which need not be the largest: those are, when no more are asked for
            return _lanczos(A, len(values), tolerance, _begin(size, vectors.sum(axis=1), 0), most)
    return values - shift, vectors, shift


@dataclass(frozen=True)
class Tracked:
    """The top k-dimensional invariant subspace of a matrix that changes slowly: Ritz pairs, more of them than k.

    `values` (b,) falling; `vectors` (N, b); `residual` = |A X - X diag(values)| of the first k, in the 2-norm.
    """

    values: np.ndarray
    vectors: np.ndarray
    residual: float

    def error(self, k: int) -> float:
        """Bound on the sine of the largest angle to the true top space: residual / gap (Davis and Kahan 1970).

        The gap is that of the Ritz values, k-th to next: the bound holds as far as these are those of A.
        """
        gap = self.values[k - 1] - self.values[k]
        return float(min(1.0, self.residual / gap)) if gap > 0 else 1.0


def track(A: LinearOperator, X: np.ndarray, k: int, iterations: int) -> Tracked:
    """Ritz pairs of A (N, N) from those of a matrix nearby, X (N, b), b > k: so many block steps.

    Each is Rayleigh and Ritz in the span of X and of its residuals, 2 b products in all with one step.
    """
    X = np.linalg.qr(X)[0]
    AX = A @ X
    for _ in range(iterations):
        values, X, AX = _ritz(X, AX, X.shape[1])
        new = AX - X * values
        new = np.linalg.qr(np.hstack([X, new]))[0][:, X.shape[1] :]  # orthonormal also where there is no residual
        values, X, AX = _ritz(np.hstack([X, new]), np.hstack([AX, A @ new]), X.shape[1])
    values, X, AX = _ritz(X, AX, X.shape[1])
    return Tracked(values, X, float(np.linalg.norm((AX - X * values)[:, :k], 2)))


def _ritz(basis: np.ndarray, product: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The `count` largest Ritz values, falling, their vectors X, and A X, of an orthonormal basis and A times it."""
    small = basis.T @ product
    values, inside = scipy.linalg.eigh((small + small.T) / 2)
    best = inside[:, ::-1][:, :count]
    return values[::-1][:count], basis @ best, product @ best
