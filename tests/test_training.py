"""The trajectory against a recursion written by hand; theta_0; batches."""

import numpy as np
import pytest

from conftest import ROOT
from training_jacobian import initial, training
from training_jacobian.layout import unflatten
from training_jacobian.models import mlp


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_trajectory_against_a_recursion(tiny, momentum, nesterov):
    gradient = training.gradient(tiny.shapes, "mlp", "gelu")
    options = {"name": "sgd", "learning_rate": 0.3, "momentum": momentum, "nesterov": nesterov}
    optimizer = training.optimizer(options, {"name": "cosine"}, len(tiny.batches))
    step = tiny.step(optimizer)
    theta, m = np.asarray(tiny.theta), np.zeros(tiny.size)
    for t, batch in enumerate(tiny.batches):
        g = np.asarray(gradient(theta, tiny.inputs[batch], tiny.labels[batch]))
        m = g + momentum * m
        rate = 0.3 * (1 + np.cos(np.pi * t / len(tiny.batches))) / 2
        theta = theta - rate * (g + momentum * m if nesterov else m)
    states, last = tiny.states(optimizer, step)
    np.testing.assert_allclose(last, theta, rtol=0, atol=1e-13)
    assert np.abs(last - tiny.theta).max() > 0.05
    np.testing.assert_array_equal(states.theta[0], tiny.theta)


def test_constant_schedule():
    options = {"name": "sgd", "learning_rate": 0.25, "momentum": 0.0}
    optimizer = training.optimizer(options, {"name": "constant"}, 10)
    updates, _ = optimizer.update(np.ones(2), optimizer.init(np.zeros(2)))
    np.testing.assert_array_equal(updates, [-0.25, -0.25])


def test_batches_keep_the_order_of_the_examples():
    np.testing.assert_array_equal(training.batches(6, 2, 2), [[0, 1], [2, 3], [4, 5]] * 2)


def test_drawn_theta_has_the_paper_s_variances():
    shapes = mlp.shapes(64, [200], 10)
    theta = initial.draw(shapes, seed=3, bias_std=0.125)
    parts = {name: np.asarray(part) for name, part in unflatten(theta, shapes).items()}
    assert theta.dtype == np.float32
    assert parts["Dense_0.kernel"].std() == pytest.approx(1 / 8, rel=0.05)
    assert parts["Dense_0.bias"].std() == pytest.approx(1 / 8, rel=0.15)
    # truncated at two standard deviations of the untruncated normal
    assert np.abs(parts["Dense_0.kernel"]).max() < 2 / 8 / 0.879
    assert not np.array_equal(theta, initial.draw(shapes, seed=4, bias_std=0.125))
    np.testing.assert_array_equal(theta, initial.draw(shapes, seed=3, bias_std=0.125))


def test_the_paper_s_theta_is_what_it_is():
    theta = initial.read(ROOT / "data/theta0_seed0.npy", mlp.shapes(64, [64], 10))
    assert (theta.dtype, theta.shape) == (np.float32, (4810,))
    with pytest.raises(ValueError, match=r"the model needs \(4799,\)"):
        initial.read(ROOT / "data/theta0_seed0.npy", mlp.shapes(64, [63], 11))


def test_pickled_theta_is_refused(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        initial.read(tmp_path / "evil.npy", mlp.shapes(2, [], 2))
