"""Kinds of trouble that people of this field report in public, one test a kind: wrong or missing numbers.

Each failed at 9687bc7.

The slow ones run with `make test-engines`.

What the other members of a kind do is tested where the kind is mended: the comment beside a test names the file.
"""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.sparse.linalg import aslinearoperator, gmres, svds

from conftest import TINY
from in_stages import analysed, decomposed, made, trained
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import training

SVD = (
    "svd: {method: partial, rank: 20, operators: [J_minus_identity], tolerance: 1e-8, products: 160, block: 8, seed: 0}"
)
BIRD = "    bird: {kind: bird, runs: all}\n"
# the tiny network, trained so little that deflated triplets of J - I lie below thresholds
LITTLE = TINY.replace("learning_rate: 0.1", "learning_rate: 0.003").replace(
    "  b: {initial: {seed: 1}}", f"  b: {{{SVD}}}"
)
COUNTS = "density: {thresholds: [3e-2, 1e-1, 3e-1, 1], probes: 4, steps: 60, seed: 0}\n"
RELU = TINY.replace("hidden: [2], activation: gelu", "hidden: [4], activation: relu").replace("epochs: 1", "epochs: 2")


def test_complex_vectors(tiny):
    J = TrainingJacobian(tiny.trajectory(optax.sgd(0.3, momentum=0.9)))
    dense, random = J.columns(0, tiny.size), np.random.default_rng(0)
    X = random.standard_normal((tiny.size, 3)) + 1j * random.standard_normal((tiny.size, 3))
    for operator, matrix in ((J, dense), (J.T, dense.T), (J.H, dense.T)):
        np.testing.assert_allclose(operator @ X, matrix @ X, atol=1e-12)
        np.testing.assert_allclose(operator @ X[:, 0], matrix @ X[:, 0], atol=1e-12)
        assert np.abs((operator @ X).imag).max() > 0.1


def test_complex_compositions(tiny):
    J = TrainingJacobian(tiny.trajectory(optax.sgd(0.3, momentum=0.9)))
    dense, z, eye = J.columns(0, tiny.size), 0.3 + 2j, np.eye(tiny.size)
    shifted = J - z * aslinearoperator(eye)
    sigma = svds(shifted, k=3, return_singular_vectors=False, random_state=np.random.default_rng(0))
    np.testing.assert_allclose(np.sort(sigma), np.sort(np.linalg.svd(dense - z * eye)[1])[-3:], rtol=1e-10)
    right = np.arange(1.0, tiny.size + 1) + 1j
    solved, status = gmres(shifted, right, rtol=1e-12, maxiter=500)
    assert status == 0
    np.testing.assert_allclose(solved, np.linalg.solve(dense - z * eye, right), rtol=1e-8)
    halfway = J.snapshots(np.stack([right, right.conj()], axis=1), [0, 5])
    np.testing.assert_allclose(halfway[0][:, 0], right)
    np.testing.assert_allclose(halfway[5][:, 1], halfway[5][:, 0].conj())


@pytest.mark.engines
def test_counts_lose_what_was_deflated(tmp_path, monkeypatch):
    """Many trainings and ways to deflate: test_density.py."""
    figure = (
        BIRD.replace("all", "[a]") + "    density: {kind: density, runs: [b]}\n    j: {kind: identity, runs: [a]}\n"
    )
    of = made(tmp_path, LITTLE.replace(BIRD, figure) + COUNTS, monkeypatch).recipes
    decomposed(of["a"])
    sigma = np.genfromtxt(analysed(of["a"]["identity"]) / "sigma.csv", delimiter=",", names=True)["sigma"]
    analysed(of["b"]["triplets"])
    table = np.genfromtxt(analysed(of["b"]["density"]) / "counts.csv", delimiter=",", names=True)
    truth = [(sigma < each).sum() for each in table["threshold"]]
    assert truth == [154, 158, 159, 160]
    assert (table["low"] <= truth).all()
    assert (truth <= table["high"]).all()


@pytest.mark.engines
def test_prediction_taken_for_the_whole_eigenspace(tmp_path, monkeypatch):
    """More networks: test_exact_bulk.py."""
    plots = "    angles: {kind: angles, comparisons: {seeds: [a, b]}}\n"
    text = RELU.replace(BIRD, BIRD.replace("all", "[a, b]") + plots)
    text += "angles: {dimensions: {start: 5, stop: 150, num: 3}, seed: 0}\n"
    of = made(tmp_path, text, monkeypatch)
    for run in ("a", "b"):
        decomposed(of.recipes[run])
    (pair,) = of.by_key["angles"].values()
    assert (analysed(pair) / "overlaps.csv").exists()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unselected_branch_in_reverse_mode(dtype):
    """A gradient that is exactly zero, or whose square is: the transpose is that of the forward product, here I."""
    for gradient in (np.zeros(3, dtype), np.full(3, 1e-30, dtype)):
        clipped = training.optimizer({"name": "sgd", "learning_rate": 1.0, "momentum": 0}, {"name": "constant"}, 1, 10)
        update = lambda g, made=clipped: made.update(g, made.init(g), g)[0]
        forward = jax_jacobian(update, jnp.asarray(gradient), "forward")
        np.testing.assert_array_equal(forward, -np.eye(3))
        np.testing.assert_array_equal(jax_jacobian(update, jnp.asarray(gradient), "reverse"), forward)


def jax_jacobian(function, at, mode):
    import jax

    return np.asarray(jax.jit((jax.jacfwd if mode == "forward" else jax.jacrev)(function))(at))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, int])
def test_empty_block(tiny, dtype):
    J = TrainingJacobian(tiny.trajectory(optax.sgd(0.3)))
    empty = np.zeros((tiny.size, 0), dtype)
    for found in (J @ empty, J.T @ empty, J.snapshots(empty, [2])[2]):
        assert found.shape == (tiny.size, 0)
        assert found.dtype == (np.complex128 if dtype is np.complex128 else np.float64)


@pytest.mark.engines
def test_exploding_losses(tmp_path, monkeypatch):
    of = made(tmp_path, TINY.replace("learning_rate: 0.1", "learning_rate: 1e6"), monkeypatch).recipes["a"]
    with pytest.raises(
        ArithmeticError, match=r"diverged at step \d+ of 25, where the learning rate is \d.*; lower"
    ) as told:
        trained(of)
    assert "may_diverge" in str(told.value)
    text = TINY.replace("learning_rate: 0.1", "learning_rate: 1e6").replace(
        "epochs: 1", "epochs: 1\n    may_diverge: true"
    )
    kept = made(tmp_path, text, monkeypatch)
    assert trained(kept.recipes["a"]).exists()
