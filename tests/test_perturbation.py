"""Responses of a training whose answer is in closed form, and of one that is not linear."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from training_jacobian.jacobian import response, trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import training
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.spectral import svd

SIZES = np.geomspace(1e-3, 1e3, 7)
N, T, RATE = 12, 20, 0.1


def sweep(gradient, optimizer):
    """Table of a sweep around theta_0, from the SVD of J."""
    step = training.Step(gradient, optimizer)
    theta = jnp.asarray(np.random.default_rng(0).standard_normal(N))
    start = training.State(theta, optimizer.init(theta))
    whole = trajectory.in_memory(training.Gradient(gradient), optimizer, start, jnp.arange(T))
    parts = svd.decompose(TrainingJacobian(whole).columns(0, N))
    chosen = response.directions(parts["U"], parts["S"], parts["Vt"], 0.2, seed=0)
    starts = response.starts(np.asarray(theta), chosen, SIZES)
    train = lambda start: endpoint(step, training.State(start, optimizer.init(start)), jnp.arange(T)).theta
    ends = np.asarray(jax.vmap(train)(starts))
    assert np.allclose(ends[0], whole.rows(T, T + 1).theta[0], rtol=1e-12)
    return response.responses(ends, chosen, SIZES), chosen, parts


H = np.diag([*np.linspace(-0.5, 3, N - 1), 0.001])  # directions that grow, stay and shrink


def test_a_quadratic_loss_answers_as_predicted_at_all_sizes():
    """theta_T = (I - eta H)^T theta_0 exactly, so r = s sigma u whatever s."""
    table, chosen, parts = sweep(lambda theta, batch: H @ theta, optax.sgd(RATE))
    assert np.allclose(parts["S"], np.sort(np.abs(1 - RATE * np.diag(H)) ** T)[::-1], rtol=1e-12)
    assert list(chosen) == ["top", "bulk", "stable", "random"]
    assert [each["index"] for each in chosen.values()][::2] == [1, N]
    assert np.allclose(table["along"], table["predicted"], rtol=1e-9, atol=1e-12)
    assert (table["off"] < 1e-9 * np.maximum(table["size"], 1)).all()
    assert response.linearity(table, 0.1)["ends_at"].isna().all()


def test_linearity_ends_where_a_cubic_term_takes_over():
    table, _, _ = sweep(lambda theta, batch: H @ theta + 0.01 * theta * jnp.sum(theta**2), optax.sgd(RATE / 100))
    small = table[table["size"] < 0.1]
    assert np.allclose(small["along"], small["predicted"], rtol=0.1)
    ends = response.linearity(table, 0.1).set_index("direction")["ends_at"]
    assert np.isfinite(ends["top"])
    assert ends["top"] > 0.1


def test_random_direction_is_of_unit_length_and_mapped_by_the_jacobian():
    _, chosen, parts = sweep(lambda theta, batch: H @ theta, optax.sgd(RATE))
    J = (parts["U"] * parts["S"]) @ parts["Vt"]
    for each in chosen.values():
        assert np.linalg.norm(each["v"]) == pytest.approx(1)
        assert np.linalg.norm(each["u"]) == pytest.approx(1)
        assert np.allclose(J @ each["v"], each["sigma"] * each["u"], atol=1e-12)


def test_no_bulk_no_bulk_direction():
    assert list(response.directions(np.eye(3), np.array([3.0, 2, 0]), np.eye(3), 0.1, 0)) == [
        "top",
        "stable",
        "random",
    ]


def test_a_training_that_diverges_is_not_linear():
    chosen = {"top": {"index": 1, "v": np.eye(2)[0], "u": np.eye(2)[0], "sigma": 2.0}}
    table = response.responses(np.array([[0, 0], [2, 0], [np.nan, 0]]), chosen, np.array([1.0, 2]))
    assert response.linearity(table, 0.1)["ends_at"].iloc[0] == 2


def test_first_size_that_is_off():
    sizes = np.array([1.0, 2, 3])
    chosen = {"top": {"index": 1, "v": np.eye(2)[0], "u": np.eye(2)[0], "sigma": 2.0}}
    ends = np.array([[0, 0], [2, 0], [3.7, 0.5], [3, 0]])  # predicted 2, 4, 6
    table = response.responses(ends, chosen, sizes)
    assert list(table["off"]) == [0, 0.5, 0]
    assert response.linearity(table, 0.1)["ends_at"].iloc[0] == 3
    assert response.linearity(table, 0.05)["ends_at"].iloc[0] == 2
    assert response.linearity(table, 0.1)["ends_at_of_size"].iloc[0] == 2
