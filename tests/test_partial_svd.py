"""The largest singular triplets: planted spectra, bounds against the truth, what has not converged, going on."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator, svds

from test_jacobian import operator
from tiny import Tiny
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.spectral import partial_svd, svd
from training_jacobian.spectral.remembered import Remembered

S = np.concatenate([np.geomspace(30, 1.2, 20), np.ones(40), np.geomspace(0.9, 1e-3, 20)])


def planted(seed=0):
    random = np.random.default_rng(seed)
    U, V = (np.linalg.qr(random.standard_normal((len(S), len(S))))[0] for _ in range(2))
    return (U * S) @ V.T, U, V


@pytest.mark.parametrize("block", [1, 4, 7, 80])
def test_planted_triplets(block):
    A, U, V = planted()
    found = partial_svd.largest(aslinearoperator(A), 8, 1e-10, block, 80)
    assert found["converged"].all()
    np.testing.assert_allclose(found["S"], S[:8], rtol=1e-12)
    for i in range(8):  # as projectors: a sign is free
        np.testing.assert_allclose(np.outer(found["U"][:, i], found["Vt"][i]), np.outer(U[:, i], V[:, i]), atol=1e-8)
    assert (found["bound"] <= 1e-10 * found["S"]).all()
    assert block == 80 or found["products"] < 80


@pytest.mark.parametrize("products", [8, 12, 20, 32])
def test_bounds_hold_and_what_has_not_converged_is_marked(products):
    """However early it is stopped; the control: the bound is not far above the error either, and not all are good."""
    A, _, _ = planted()
    found = partial_svd.largest(aslinearoperator(A), 8, 1e-10, 4, products)
    off = np.abs(found["S"][:, None] - S).min(axis=1)
    assert (off <= found["bound"] * (1 + 1e-9) + 1e-13).all()
    assert found["products"] == products
    assert not found["converged"].all()
    wrong = np.abs(found["S"] - S[:8]) > 1e-8 * S[:8]
    assert not (wrong & found["converged"]).any()


def test_whole_space_is_the_dense_decomposition():
    A, _, _ = planted()
    found = partial_svd.largest(aslinearoperator(A), len(S), 1e-10, 16, 1000)
    np.testing.assert_allclose(found["S"], S, rtol=0, atol=1e-12)
    assert found["converged"].sum() >= np.sum(S > 1e-2)


@pytest.mark.parametrize("rank", [0, 81, -1])
def test_rank_outside_is_refused(rank):
    with pytest.raises(ValueError, match=rf"rank {rank} is not in 1\.\.80"):
        partial_svd.largest(aslinearoperator(planted()[0]), rank, 1e-10, 4, 100)


def test_not_finite_is_refused():
    A, _, _ = planted()
    A[3, 4] = np.nan
    with pytest.raises(ArithmeticError, match="not finite"):
        partial_svd.largest(aslinearoperator(A), 2, 1e-10, 4, 80)


def test_of_a_training():
    tiny, J = operator("momentum")
    dense = svd.decompose(J.columns(0, tiny.size))
    found = partial_svd.largest(J, 5, 1e-10, 5, tiny.size)
    np.testing.assert_allclose(found["S"], dense["S"][:5], rtol=1e-11)
    np.testing.assert_allclose(np.abs(found["Vt"] @ dense["Vt"][:5].T), np.eye(5), atol=1e-8)


@pytest.mark.parametrize("solver", ["arpack", "propack"])
def test_scipy_takes_it(solver):
    tiny, J = operator("momentum")
    exact = np.linalg.svd(J.columns(0, tiny.size))[1]
    np.testing.assert_allclose(np.sort(svds(J, k=4, solver=solver)[1]), exact[3::-1], rtol=1e-8)


class Counting(LinearOperator):
    def __init__(self, A, most):
        super().__init__(A.dtype, A.shape)
        self.A, self.left = A, most

    def _matmat(self, X):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.A @ X

    def _rmatmat(self, X):
        self.left -= 1
        return self.A.T @ X


def test_killed_it_goes_on(tmp_path):
    A, _, _ = planted()
    run = lambda most: partial_svd.largest(Remembered(Counting(A, most), tmp_path), 8, 1e-10, 4, 80)
    with pytest.raises(KeyboardInterrupt):
        run(6)
    whole = partial_svd.largest(aslinearoperator(A), 8, 1e-10, 4, 80)
    steps = 2 * int(whole["products"]) // 4
    resumed = run(steps - 6)  # the six are read, not computed again
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values)
    with pytest.raises(KeyboardInterrupt):  # negative control: of another start nothing is taken
        partial_svd.largest(Remembered(Counting(A, 2), tmp_path), 8, 1e-10, 4, 80, seed=1)


def test_remembered_products_are_those_of_the_operator(tmp_path):
    tiny = Tiny()
    J = TrainingJacobian(operator("momentum")[1].trajectory, chunk=5)
    kept, v = Remembered(J, tmp_path), np.arange(tiny.size, dtype=float)
    np.testing.assert_array_equal(kept @ v, J @ v)
    np.testing.assert_array_equal(kept.T @ v, J.T @ v)
    np.testing.assert_array_equal(Remembered(J, tmp_path) @ v, J @ v)


@pytest.mark.parametrize("values", [[0.0], np.linspace(2, 1, 12), [0.3] * 60])
def test_few_values_that_are_not_zero(values):
    """The Krylov space ends: bases go on outside of what they span, and no singular value is made up."""
    exact = np.pad(values, (0, 60 - len(values)))
    found = partial_svd.largest(aslinearoperator(np.diag(exact)), 20, 1e-8, 8, 60)
    np.testing.assert_allclose(found["S"], exact[:20], atol=1e-12)
    for each in (found["Vt"].T, found["U"]):
        np.testing.assert_allclose(each.T @ each, np.eye(20), atol=1e-10)


def test_complex_operators_are_refused():
    """Their imaginary part was dropped."""
    with pytest.raises(TypeError, match="a product is complex"):
        partial_svd.largest(aslinearoperator(np.eye(30) * (1 + 1j)), 2, 1e-8, 4, 20)
