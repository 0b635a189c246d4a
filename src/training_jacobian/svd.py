"""Singular value decomposition of the training Jacobian, in float64, checked."""

import numpy as np
import scipy.linalg

RESIDUAL = 1e-13  # largest relative residual accepted; 3e-15 is usual


def decompose(J: np.ndarray) -> dict[str, np.ndarray]:
    """J = U diag(S) Vt, singular values falling, and those of J - I.

    J (N, N) of any floating-point dtype, computed in float64: in float32 LAPACK's gesdd does not converge here.
    Returns U (N, N), S (N,), Vt (N, N), S_minus_identity (N,), all float64, and residual (), the larger of
    |U S Vt - J|_F / |J|_F and |Vt Vt^T - I|_F / sqrt(N).  The sign of each pair (u_i, v_i) is fixed: the largest
    component of v_i is positive.  Raises ArithmeticError if J is not finite or the residual is above 1e-13.
    """
    J = np.asarray(J, dtype=np.float64)
    if not np.isfinite(J).all():
        raise ArithmeticError("J is not finite; lower the learning rate or look at the training loss")
    identity = np.eye(len(J))
    U, S, Vt = scipy.linalg.svd(J, lapack_driver="gesdd", check_finite=False)
    largest = np.take_along_axis(Vt, np.abs(Vt).argmax(axis=1)[:, None], axis=1)
    Vt *= np.sign(largest)
    U *= np.sign(largest).T
    residual = max(
        np.linalg.norm((U * S) @ Vt - J) / np.linalg.norm(J),
        np.linalg.norm(Vt @ Vt.T - identity) / np.sqrt(len(J)),
    )
    if not residual <= RESIDUAL:
        raise ArithmeticError(f"SVD of J has residual {residual:.1e}, above {RESIDUAL:.0e}")
    return {
        "U": U,
        "S": S,
        "Vt": Vt,
        "S_minus_identity": scipy.linalg.svdvals(J - identity, check_finite=False),
        "residual": np.array(residual),
    }
