"""Orders of singular directions, and how far two subspaces overlap (paper: the bulk across seeds, labels, inputs)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy.linalg


def grid(dimensions: dict[str, int]) -> list[int]:
    """Dimensions k: `num` of them from `start` to `stop`, evenly, rounded down."""
    return [int(k) for k in np.linspace(dimensions["start"], dimensions["stop"], dimensions["num"])]


def nearest_to_one(S: np.ndarray, logarithmic: bool = False) -> np.ndarray:
    """Indices (N,) that order singular values S (N,) by |sigma - 1| or |log sigma|: the first k are the bulk."""
    with np.errstate(divide="ignore"):
        return np.argsort(np.abs(np.log(S) if logarithmic else S - 1), kind="stable")


def random_subspace(dimension: int, size: int, seed: int, without: np.ndarray | None = None) -> np.ndarray:
    """Orthonormal rows (dimension, size): the first k of them span a uniformly random k-dimensional subspace.

    Of all of R^size, or of the complement of the orthonormal columns `without` (size, b).
    """
    gaussian = np.random.default_rng(seed).standard_normal((size, dimension))
    if without is not None:
        gaussian -= without @ (without.T @ gaussian)
    return np.ascontiguousarray(scipy.linalg.qr(gaussian, mode="economic", overwrite_a=True, check_finite=False)[0].T)


def cosines(A: np.ndarray, B: np.ndarray, dimensions: list[int]) -> Iterator[np.ndarray]:
    """Cosine of each principal angle, rising, between the spans of the first k rows of A and of B, for each k.

    A (m, N) and B (n, N) have orthonormal rows.  Singular values of C = A_k B_k^T (Bjorck and Golub 1973), here as
    roots of the eigenvalues of C C^T: three times as fast, and off by at most about 1e-8, at cosines near 0.

    Raises ValueError if a dimension is above m or n.
    """
    most = min(len(A), len(B))
    if max(dimensions) > most:
        raise ValueError(f"dimension {max(dimensions)} is above {most}, all there is to compare; lower it")
    product = A[: max(dimensions)] @ B[: max(dimensions)].T
    for k in dimensions:
        C = product[:k, :k]
        yield np.sqrt(np.clip(scipy.linalg.eigvalsh(C @ C.T, check_finite=False), 0, 1))


def chance(size: int, taken_A: np.ndarray | None = None, taken_B: np.ndarray | None = None) -> float:
    """Mean squared cosine, divided by k, of random k-dimensional subspaces: one of R^size and its like.

    With orthonormal columns taken out of either side: tr(P_A P_B) / (tr P_A tr P_B), P projecting onto what is left.
    """
    if taken_A is None or taken_B is None:
        return 1 / size
    shared = float(np.sum((taken_A.T @ taken_B) ** 2))
    a, b = taken_A.shape[1], taken_B.shape[1]
    return (size - a - b + shared) / ((size - a) * (size - b))


def overlap(A: np.ndarray, B: np.ndarray, dimensions: list[int], chance: float) -> pd.DataFrame:
    """One row a dimension k: mean cosine, mean squared cosine, the latter by chance (`chance` k), and corrected for it.

    chance_corrected = (mean squared cosine - chance k) / (1 - chance k): 0 for random subspaces, 1 for the same one.
    """
    rows = []
    for k, each in zip(dimensions, cosines(A, B, dimensions), strict=True):
        squared, expected = float(np.mean(each**2)), chance * k
        rows.append(
            {
                "dimension": k,
                "mean_cosine": float(np.mean(each)),
                "mean_squared_cosine": squared,
                "chance": expected,
                "chance_corrected": (squared - expected) / (1 - expected) if expected < 1 else np.nan,
            }
        )
    return pd.DataFrame(rows)
