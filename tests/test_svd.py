"""SVD of matrices with a prescribed spectrum; what is refused."""

import numpy as np
import pytest
import scipy.linalg

from training_jacobian.spectral import svd


def planted(S, seed=0):
    random = np.random.default_rng(seed)
    U, V = (np.linalg.qr(random.standard_normal((len(S), len(S))))[0] for _ in range(2))
    return (U * S) @ V.T, U, V


def test_planted_spectrum_and_vectors():
    S = np.array([20.0, 3.0, 1.5, 1.0, 0.5, 1e-3])
    J, U, V = planted(S)
    parts = svd.decompose(J)
    np.testing.assert_allclose(parts["S"], S, rtol=0, atol=1e-14)
    for i in range(len(S)):  # as projectors: a sign is free
        np.testing.assert_allclose(np.outer(parts["U"][:, i], parts["Vt"][i]), np.outer(U[:, i], V[:, i]), atol=1e-12)
    assert parts["residual"] < 1e-14
    np.testing.assert_allclose(svd.of_difference(J)[::-1], np.linalg.svd(J - np.eye(6))[1], rtol=0, atol=1e-13)


def test_sign_is_fixed():
    J, _, _ = planted(np.array([3.0, 2.0, 1.0, 0.5]))
    Vt = svd.decompose(J)["Vt"]
    assert (Vt[np.arange(4), np.abs(Vt).argmax(axis=1)] > 0).all()
    assert (scipy.linalg.svd(-J)[2][np.arange(4), np.abs(Vt).argmax(axis=1)] < 0).any()  # LAPACK alone does not


def test_float32_is_decomposed_in_float64():
    J, _, _ = planted(np.array([3.0, 2.0, 1.0]))
    parts = svd.decompose(J.astype(np.float32))
    assert parts["S"].dtype == np.float64
    assert parts["residual"] < 1e-14


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_refused(bad):
    J = np.eye(3)
    J[1, 2] = bad
    with pytest.raises(ArithmeticError, match="J is not finite"):
        svd.decompose(J)
    with pytest.raises(ArithmeticError, match="J is not finite"):
        svd.of_difference(J)


def test_poor_decomposition_is_refused(monkeypatch):
    """A LAPACK that quietly worked in float32 would not pass."""
    exact = scipy.linalg.svd
    single = lambda J, **options: [part.astype(float) for part in exact(J.astype(np.float32))]
    monkeypatch.setattr(scipy.linalg, "svd", single)
    with pytest.raises(ArithmeticError, match=r"residual .*e-0\d, above 1e-13"):
        svd.decompose(planted(np.array([3.0, 2.0, 1.0]))[0])
