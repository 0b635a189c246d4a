"""KL of a softmax model after a step, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training_jacobian.analyses.behaviour import compute as behaviour
from training_jacobian.learning import problem
from training_jacobian.learning.losses import cross_entropy

MODEL = {"name": "mlp", "hidden": [], "activation": "tanh"}  # softmax regression
logits = problem.outputs({"Dense_0.bias": (3,), "Dense_0.kernel": (2, 3)}, MODEL)
RANDOM = np.random.default_rng(0)
THETA, INPUTS = RANDOM.standard_normal(9), RANDOM.standard_normal((7, 2))


def directly(step):
    q, p = (np.asarray(jax.nn.softmax(logits(jnp.asarray(theta), INPUTS))) for theta in (THETA + step, THETA))
    return (q * np.log(q / p)).sum(-1)


def test_against_the_definition():
    steps = RANDOM.standard_normal((70, 9))  # more than a chunk
    done = []
    largest, mean = behaviour.divergence(logits, cross_entropy, THETA, steps, INPUTS, done.append)
    assert sum(done) == 70
    assert np.allclose(largest, [directly(step).max() for step in steps], rtol=1e-10)
    assert np.allclose(mean, [directly(step).mean() for step in steps], rtol=1e-10)
    backward = [(lambda q, p: (p * np.log(p / q)).sum(-1).max())(*both(step)) for step in steps]
    assert not np.allclose(largest, backward, rtol=1e-2)  # negative control: the other way round


def both(step):
    return (np.asarray(jax.nn.softmax(logits(jnp.asarray(theta), INPUTS))) for theta in (THETA + step, THETA))


def test_small_steps_are_the_fisher_information():
    """KL -> step^T F step / 2, here 1e-12 and smaller, where the definition by differences has lost all digits."""
    direction = RANDOM.standard_normal(9)
    step = 1e-6 * direction
    d_logits = np.asarray(logits(jnp.asarray(step), INPUTS))  # linear in theta
    _, p = both(step)
    variance = (p * d_logits**2).sum(-1) - (p * d_logits).sum(-1) ** 2
    largest, _ = behaviour.divergence(logits, cross_entropy, THETA, step[None], INPUTS)
    assert largest[0] == pytest.approx(variance.max() / 2, rel=1e-4)


def test_the_gauge_changes_nothing():
    gauge = np.concatenate([np.ones(3), np.ones(3), np.zeros(3)])  # bias, and weights of the first input
    largest, _ = behaviour.divergence(logits, cross_entropy, THETA, gauge[None], INPUTS)
    assert largest[0] < 1e-28
    broken = gauge + np.eye(9)[0]  # negative control
    assert behaviour.divergence(logits, cross_entropy, THETA, broken[None], INPUTS)[0][0] > 1e-3


def test_probes():
    examples = {"inputs_train": RANDOM.random((50, 4)), "inputs_test": RANDOM.random((20, 4))}
    probes = behaviour.probes(examples, seed=0)
    assert {name: len(each) for name, each in probes.items()} == {
        "train": 50,
        "test": 20,
        "inverted": 50,
        "white_noise": 50,
    }
    assert np.allclose(probes["inverted"] + probes["train"], 1)
    assert 0 <= probes["white_noise"].min() < probes["white_noise"].max() < 1
    assert not np.array_equal(probes["white_noise"], behaviour.probes(examples, seed=1)["white_noise"])
