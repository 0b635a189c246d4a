"""Singular value decomposition of the training Jacobian, in float64, checked."""

import numpy as np
import scipy.linalg

RESIDUAL = 1e-13  # largest relative residual accepted; 3e-15 is usual


def decompose(J: np.ndarray) -> dict[str, np.ndarray]:
    """J = U diag(S) Vt, singular values falling.

    J (N, N) of any floating-point dtype, computed in float64: in float32 LAPACK's gesdd does not converge here.
    Returns U (N, N), S (N,), Vt (N, N), all float64, and residual (), the larger of |U S Vt W - J W| / |J W| and
    |Vt Vt^T W - W| / |W| (Frobenius) for 64 random vectors W: as without W to a tenth.  The sign of each pair
    (u_i, v_i) is fixed: the largest component of v_i is positive.  Raises ArithmeticError if J is not finite or the
    residual is above 1e-13.
    """
    J = finite(J)
    U, S, Vt = scipy.linalg.svd(J, lapack_driver="gesdd", check_finite=False)
    largest = np.take_along_axis(Vt, np.abs(Vt).argmax(axis=1)[:, None], axis=1)
    Vt *= np.sign(largest)
    U *= np.sign(largest).T
    W = np.random.default_rng(0).standard_normal((len(J), 64))
    image = J @ W
    residual = max(
        np.linalg.norm(U @ (S[:, None] * (Vt @ W)) - image) / np.linalg.norm(image),
        np.linalg.norm(Vt @ (Vt.T @ W) - W) / np.linalg.norm(W),
    )
    if not residual <= RESIDUAL:
        raise ArithmeticError(f"SVD of J has residual {residual:.1e}, above {RESIDUAL:.0e}")
    return {"U": U, "S": S, "Vt": Vt, "residual": np.array(residual)}


def of_difference(J: np.ndarray) -> np.ndarray:
    """Singular values (N,) float64 of J - I, rising, of J (N, N).  Raises ArithmeticError if J is not finite."""
    return np.sort(scipy.linalg.svdvals(finite(J) - np.eye(len(J)), check_finite=False))


def finite(J: np.ndarray) -> np.ndarray:
    """J in float64.  Raises ArithmeticError if it is not finite."""
    if not np.isfinite(J).all():
        raise ArithmeticError("J is not finite; lower the learning rate or look at the training loss")
    return np.asarray(J, dtype=np.float64)
