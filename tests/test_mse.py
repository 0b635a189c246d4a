"""Mean squared error: its gradient and products written out, its Jacobian, its exact bulk, its divergence."""

import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tiny import Tiny
from training_jacobian.analyses.behaviour import compute as behaviour
from training_jacobian.learning import exact_bulk, problem, training
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.learning.layout import slices
from training_jacobian.learning.losses import cross_entropy, mse
from training_jacobian.learning.models import mlp
from training_jacobian.spectral import svd

HIDDEN = [(), (4,), (4, 5)]
RANDOM = np.random.default_rng(0)
SGD = optax.sgd(0.3, momentum=0.9)


def by_hand(tiny, theta):
    """The loss with numpy's own sum over examples and classes."""
    outputs = np.asarray(problem.outputs(tiny.shapes, tiny.model)(theta, tiny.inputs))
    wanted = np.zeros_like(outputs)
    wanted[np.arange(len(wanted)), np.asarray(tiny.labels)] = 1
    return np.sum((outputs - wanted) ** 2) / outputs.size


def both(tiny):
    """Gradient of theta on all examples: written out, and that of jax."""
    outputs = problem.outputs(tiny.shapes, tiny.model)
    ours = problem.gradient(tiny.shapes, tiny.model, tiny.loss)
    theirs = jax.grad(lambda theta: tiny.loss.value(outputs(theta, tiny.inputs), tiny.labels))
    return (lambda theta: ours(theta, tiny.inputs, tiny.labels)), theirs


@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient(hidden):
    tiny, size = Tiny(hidden=hidden, loss="mse"), 1e-5
    ours, theirs = both(tiny)
    found = np.asarray(ours(tiny.theta))
    np.testing.assert_allclose(found, theirs(tiny.theta), rtol=0, atol=1e-14)
    units = size * np.eye(tiny.size)
    differences = [(by_hand(tiny, tiny.theta + u) - by_hand(tiny, tiny.theta - u)) / (2 * size) for u in units]
    np.testing.assert_allclose(found, differences, rtol=0, atol=1e-9)
    assert np.abs(found - both(Tiny(hidden=hidden))[0](tiny.theta)).max() > 1e-2  # it is not that of cross-entropy


@pytest.mark.parametrize("hidden", HIDDEN)
def test_products_with_the_hessian(hidden):
    """One tangent, and several together, against jax.jvp of jax.grad."""
    tiny = Tiny(hidden=hidden, loss="mse")
    tangents = jnp.asarray(RANDOM.standard_normal((5, tiny.size)))

    def products(gradient):
        along = lambda v: jax.jvp(gradient, (tiny.theta,), (v,))[1]
        return jax.jit(lambda V: (jax.vmap(along)(V), along(V[0])))(tangents)

    for one, other in zip(*map(products, both(tiny)), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
        assert np.abs(other).max() > 0.1


def test_float32_stays_float32():
    tiny = Tiny(dtype=np.float32, loss="mse")
    assert tiny.jacobian(SGD).dtype == np.float32
    assert both(tiny)[0](tiny.theta).dtype == np.float32


def test_jacobian():
    """Of a whole training: against jax.jacfwd of it, and against central differences of it."""
    tiny, size = Tiny(loss="mse"), 1e-5
    step = training.Step(tiny.gradient(written_out=False), SGD)
    end = jax.jit(lambda theta: endpoint(step, training.State(theta, SGD.init(theta)), tiny.batches).theta)
    J = tiny.jacobian(SGD)
    np.testing.assert_allclose(J, jax.jacfwd(end)(tiny.theta), rtol=0, atol=1e-12)
    units = size * np.eye(tiny.size)
    differences = (jax.vmap(end)(tiny.theta + units) - jax.vmap(end)(tiny.theta - units)).T / (2 * size)
    np.testing.assert_allclose(J, differences, rtol=0, atol=1e-7)
    assert np.abs(J - np.eye(tiny.size)).max() > 0.05  # the training does something
    assert np.abs(J - Tiny().jacobian(SGD)).max() > 0.05  # negative control: another loss, another J


def parameters(tiny, loss):
    """Of a run of such a network."""
    optimizer = {"name": "sgd", "learning_rate": 0.3, "momentum": 0.9}
    training = {"optimizer": optimizer, "dtype": "float64"}
    return {"data": {"name": "made_up"}, "model": tiny.model, "loss": {"name": loss}, "training": training}


@pytest.fixture
def dead(monkeypatch):
    """Networks on inputs of which the last is always zero, by loss."""
    facts = SimpleNamespace(INPUTS=3, CLASSES=3)
    monkeypatch.setitem(sys.modules, "training_jacobian.learning.datasets.made_up", facts)
    made = {loss: Tiny(loss=loss) for loss in ("mse", "cross_entropy")}
    for tiny in made.values():
        tiny.inputs = tiny.inputs.at[:, 2].set(0)
    return made


def test_exact_bulk_is_predicted_without_a_gauge(dead):
    full = np.asarray(Tiny().inputs)
    for loss, gauge in (("mse", 0), ("cross_entropy", 5)):
        tiny = dead[loss]
        assert exact_bulk.predicted(parameters(tiny, loss), full).shape == (tiny.size, gauge)
        predicted = exact_bulk.predicted(parameters(tiny, loss), np.asarray(tiny.inputs))
        assert predicted.shape == (tiny.size, gauge + 4)  # the weights from the dead input
        np.testing.assert_allclose(predicted.T @ predicted, np.eye(gauge + 4), atol=1e-12)
    assert mlp.untouched(dead["mse"].shapes, full, mse.gauge(3)).shape == (tiny.size, 0)


def test_exact_bulk_is_what_is_measured(dead):
    tiny = dead["mse"]
    J, inputs = np.asarray(tiny.jacobian(SGD)), np.asarray(tiny.inputs)
    found = exact_bulk.of_run(parameters(tiny, "mse"), inputs, svd.decompose(J))
    assert (found.predicted, found.measured.shape[1]) == (4, 4)
    assert found.defect < 1e-13
    predicted = exact_bulk.predicted(parameters(tiny, "mse"), inputs)
    np.testing.assert_allclose(found.measured @ (found.measured.T @ predicted), predicted, atol=1e-10)
    # negative control: what softmax ignores is not kept here, and is there
    only = mlp.untouched(tiny.shapes, np.asarray(Tiny().inputs), cross_entropy.gauge(3))
    assert only.shape == (tiny.size, 5)
    assert np.linalg.norm(J @ only - only, axis=0).min() > 1e-2
    other = np.asarray(dead["cross_entropy"].jacobian(SGD))
    assert np.linalg.norm(other @ only - only, axis=0).max() < 1e-13
    with pytest.raises(ArithmeticError, match=r"predicted for the model mlp .* is none: \|J b - b\| is up to"):
        exact_bulk.of_run(parameters(tiny, "cross_entropy"), inputs, svd.decompose(J))


def test_nothing_exact_is_no_error(dead):
    """Inputs of full rank: a prediction of no direction."""
    tiny = Tiny(loss="mse")
    found = exact_bulk.of_run(parameters(tiny, "mse"), np.asarray(tiny.inputs), svd.decompose(tiny.jacobian(SGD)))
    assert (found.predicted, found.defect, found.measured.shape[1]) == (0, 0, 0)


def test_divergence_is_the_mean_squared_difference_of_the_outputs():
    tiny = Tiny(loss="mse")
    outputs, steps = problem.outputs(tiny.shapes, tiny.model), 0.1 * RANDOM.standard_normal((20, tiny.size))
    largest, mean = behaviour.divergence(outputs, mse, tiny.theta, steps, tiny.inputs)
    before = np.asarray(outputs(tiny.theta, tiny.inputs))
    squared = np.stack([np.asarray(outputs(tiny.theta + step, tiny.inputs)) - before for step in steps]) ** 2
    np.testing.assert_allclose(largest, squared.mean(2).max(1), rtol=1e-12)
    np.testing.assert_allclose(mean, squared.mean((1, 2)), rtol=1e-12)
    shift = np.zeros((1, tiny.size))
    shift[0, slices(tiny.shapes)["Dense_1.bias"]] = 0.5  # the same for all classes: no gauge here
    np.testing.assert_allclose(behaviour.divergence(outputs, mse, tiny.theta, shift, tiny.inputs)[0], 0.25, rtol=1e-12)
    assert behaviour.divergence(outputs, cross_entropy, tiny.theta, shift, tiny.inputs)[0] < 1e-28


def test_a_network_that_says_zero_has_the_loss_that_is_guessed():
    assert mse.value(jnp.zeros((4, 5)), jnp.arange(4)) == pytest.approx(mse.guess(5), rel=1e-15)
