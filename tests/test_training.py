"""The trajectory against a recursion written by hand; theta_0; batches."""

import numpy as np
import optax
import pytest

from conftest import ROOT
from tiny import Tiny
from training_jacobian.learning import divergence, initial, training
from training_jacobian.learning.layout import unflatten
from training_jacobian.learning.models import mlp
from training_jacobian.learning.orders import stored


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_trajectory_against_a_recursion(tiny, momentum, nesterov):
    options = {"name": "sgd", "learning_rate": 0.3, "momentum": momentum, "nesterov": nesterov}
    optimizer = training.optimizer(options, {"name": "cosine"}, len(tiny.batches))
    theta, m = np.asarray(tiny.theta), np.zeros(tiny.size)
    for t, batch in enumerate(tiny.batches):
        g = np.asarray(tiny.gradient()(theta, batch))
        m = g + momentum * m
        rate = 0.3 * (1 + np.cos(np.pi * t / len(tiny.batches))) / 2
        theta = theta - rate * (g + momentum * m if nesterov else m)
    states = tiny.trajectory(optimizer).rows(0, 10).theta
    last = states[-1]
    np.testing.assert_allclose(last, theta, rtol=0, atol=1e-13)
    assert np.abs(last - tiny.theta).max() > 0.05
    np.testing.assert_array_equal(states[0], tiny.theta)


def test_constant_schedule():
    options = {"name": "sgd", "learning_rate": 0.25, "momentum": 0.0}
    optimizer = training.optimizer(options, {"name": "constant"}, 10)
    updates, _ = optimizer.update(np.ones(2), optimizer.init(np.zeros(2)))
    np.testing.assert_array_equal(updates, [-0.25, -0.25])


SGD = {"name": "sgd", "learning_rate": 0.25, "momentum": 0.5}


def updates(made, gradient=(3.0, 4.0), theta=(1.0, -1.0)):
    theta = np.array(theta)
    return made.update(np.array(gradient), made.init(theta), theta)[0]


@pytest.mark.parametrize(
    ("options", "clip_norm", "expected"),
    [
        (SGD, None, [-0.75, -1]),
        (SGD, 2.5, [-0.375, -0.5]),  # 5 long
        (SGD | {"weight_decay": 2.0}, None, [-1.25, -0.5]),
        (SGD | {"weight_decay": 2.0}, 2.5, [-0.875, 0]),  # clipped first
        ({"name": "lion", "learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "weight_decay": 0.5}, None, [-0.15, -0.05]),
    ],
)
def test_optimizers_by_hand(options, clip_norm, expected):
    made = training.optimizer(options, {"name": "constant"}, 10, clip_norm)
    np.testing.assert_allclose(updates(made), expected, atol=1e-7)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "adam", "learning_rate": 0.1, "b1": 0.8, "b2": 0.9, "eps": 1e-7, "eps_root": 1e-6},
        {
            "name": "adamw",
            "learning_rate": 0.1,
            "b1": 0.8,
            "b2": 0.9,
            "eps": 1e-7,
            "eps_root": 1e-6,
            "weight_decay": 0.3,
        },
        {"name": "rmsprop", "learning_rate": 0.1, "decay": 0.7, "eps": 1e-6},
    ],
)
def test_other_optimizers_are_optax_s(options):
    made = training.optimizer(options, {"name": "constant"}, 10)
    rest = {name: value for name, value in options.items() if name != "name"}
    np.testing.assert_array_equal(updates(made), updates(getattr(optax, options["name"])(**rest)))


@pytest.mark.parametrize(
    ("states", "expected"), [(0, 1), (1, 1), (2**30, 1), (2**30 + 1, 2), (5 * 2**30, 6), (2**50, 12)]
)
def test_states_that_are_kept(states, expected):
    assert training.every(states, 12) == expected


def test_every_kth_state_is_that_of_all():
    tiny, optimizer = Tiny(), optax.sgd(0.3, momentum=0.9)
    all_of_them = tiny.trajectory(optimizer).states(0, 9)
    for every in (3, 9):
        some = tiny.trajectory(optimizer, every=every)
        np.testing.assert_array_equal(some.rows(0, 9 // every).theta, all_of_them.theta[::every])
        for first, last in ((0, 9), (2, 8), (3, 4)):
            np.testing.assert_allclose(
                some.states(first, last).theta, all_of_them.theta[first:last], rtol=0, atol=1e-14
            )


def test_batches_keep_the_order_of_the_examples():
    np.testing.assert_array_equal(stored.batches({}, 6, 2, 2), [[0, 1], [2, 3], [4, 5]] * 2)


def test_drawn_theta_has_the_paper_s_variances():
    shapes = mlp.shapes({"hidden": [200]}, 64, 10)
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
    theta = initial.read(ROOT / "data/theta0_seed0.npy", mlp.shapes({"hidden": [64]}, 64, 10))
    assert (theta.dtype, theta.shape) == (np.float32, (4810,))
    with pytest.raises(ValueError, match=r"the model needs \(4799,\)"):
        initial.read(ROOT / "data/theta0_seed0.npy", mlp.shapes({"hidden": [63]}, 64, 11))


def test_pickled_theta_is_refused(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        initial.read(tmp_path / "evil.npy", mlp.shapes({"hidden": []}, 2, 2))


def exploded(losses, epoch=50, unit="nats"):
    """Whether `divergence.check` finds a training exploded, what it says, and how many states it asks the loss of."""
    asked, losses = [], np.asarray(losses, float)
    loss_of = lambda thetas: asked.append(len(thetas)) or thetas[:, 0]
    epochs = np.arange(0, len(losses), epoch)
    try:
        divergence.check(losses[:, None], 1, epochs, losses[epochs], loss_of, 0.1, np.log(10), unit)
    except divergence.DivergedError as error:
        return str(error), asked
    return "", asked


def test_a_training_that_starts_at_its_end_may_rise():
    """As one from a trained theta_0, or of few labels: 100 times next to nothing is nothing."""
    losses = np.full(101, 1e-6)
    losses[50:] = 0.3
    assert exploded(losses) == ("", [])
    losses[100] = 231
    assert "its loss is 231 nats, 1e-06 at the start" in exploded(losses)[0]
    assert "diverged at step 100 of 100" in exploded(losses)[0]
    assert "its loss is 231, 1e-06 at the start" in exploded(losses, unit="")[0]  # as of mse


def test_the_loss_is_asked_of_few_states_at_a_time():
    losses = np.full(101, 2.0)
    losses[73:] = 1e3
    told, asked = exploded(losses)
    assert "diverged at step 73 of 100" in told
    assert asked == [16, 16, 1]  # from 50 on; and the one that is told
    losses[:100] = 2.0
    assert "diverged at step 100 of 100" in exploded(losses)[0]
