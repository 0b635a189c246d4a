"""Training inside a subspace of a quadratic loss, in closed form, and of a network."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tiny import Tiny
from training_jacobian.analyses.subspace import compute as subspace_training

N, T, RATE = 10, 15, 0.1
RANDOM = np.random.default_rng(0)
SQUARE = RANDOM.standard_normal((N, N))
H = SQUARE @ SQUARE.T / N
BASIS = np.linalg.qr(RANDOM.standard_normal((N, N)))[0]
THETA = RANDOM.standard_normal(N)


def quadratic(masks, optimizer=None, basis=BASIS):
    gradient = lambda theta, batch: jnp.asarray(H) @ theta
    optimizer = optimizer or optax.sgd(RATE)
    return subspace_training.train_in_subspaces(gradient, optimizer, jnp.arange(T), THETA, basis, masks)


def test_closed_form():
    """z' = z - eta B H (theta_0 + B^T z): theta_T = theta_0 - B^T (I - (I - eta A)^T) A^-1 B H theta_0, A = B H B^T."""
    masks = np.array([np.arange(N) < k for k in (1, 4, 7)])
    ends = quadratic(masks)
    for mask, end in zip(masks, ends, strict=True):
        B = BASIS[mask]
        A = B @ H @ B.T
        shrunk = np.eye(len(A)) - np.linalg.matrix_power(np.eye(len(A)) - RATE * A, T)
        expected = THETA - B.T @ shrunk @ np.linalg.solve(A, B @ H @ THETA)
        assert np.allclose(end, expected, atol=1e-12)
        assert np.abs(BASIS[~mask] @ (end - THETA)).max() < 1e-14  # never leaves the subspace
    assert not np.allclose(ends[0], ends[1], atol=1e-3)  # negative control


def test_no_dimension_and_all_of_them():
    none, everything = quadratic(np.array([np.zeros(N, bool), np.ones(N, bool)]))
    assert np.array_equal(none, THETA)
    assert np.allclose(everything, np.linalg.matrix_power(np.eye(N) - RATE * H, T) @ THETA, atol=1e-12)


def test_full_basis_is_full_training_for_sgd_but_not_for_adam():
    """SGD with momentum does not see the basis; Adam does: the control that z, not theta, is what is trained."""
    tiny = Tiny()
    basis = np.linalg.qr(RANDOM.standard_normal((tiny.size, tiny.size)))[0]
    for optimizer, alike in ((optax.sgd(0.3, momentum=0.9), True), (optax.adam(0.03), False)):
        full = tiny.end(optimizer)
        mask = np.ones((1, tiny.size))
        (end,) = subspace_training.train_in_subspaces(tiny.gradient(), optimizer, tiny.batches, tiny.theta, basis, mask)
        assert np.allclose(end, full, atol=1e-10) == alike


def test_ranks():
    ranks = subspace_training.ranks(np.array([5.0, 1.2, 0.999, 0.9, 0.3]))
    first = {kind: set(np.flatnonzero(rank < 2)) for kind, rank in ranks.items()}
    assert first == {"bulk": {2, 3}, "complement": {0, 4}, "chaotic": {0, 1}, "stable": {3, 4}}
    for rank in ranks.values():
        assert sorted(rank) == list(range(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_that_of_theta(dtype):
    gradient = lambda theta, batch: theta
    ends = subspace_training.train_in_subspaces(
        gradient, optax.sgd(0.1), jnp.arange(3), THETA.astype(dtype), BASIS.astype(dtype), np.ones((2, N))
    )
    assert ends.dtype == dtype
