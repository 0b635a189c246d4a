"""The loss on a whole set: in pieces and with tangents written out, against jax of the whole in one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj
from small import Small
from training_jacobian.learning import whole
from training_jacobian.learning.whole import Whole, distinct, in_dtype, in_pieces
from training_jacobian.own import OwnProblem

RANDOM = np.random.default_rng(0)
CASES = {
    "one piece": {},
    "pieces and a rest": {"examples": 23, "batch": 23},
    "pieces without a rest": {"examples": 20, "batch": 20},
    "one example": {"examples": 1, "batch": 1},
    "float32": {"dtype": "float32", "examples": 11, "batch": 11},
    "mse": {"loss": "mse", "examples": 13, "batch": 13},
    "no hidden layer": {"hidden": ()},
    "two hidden layers": {"hidden": (2, 3)},
    "targets": {"loss": "mse", "targets": True, "examples": 13, "batch": 13},
}


@pytest.fixture(params=CASES)
def small(request, monkeypatch):
    monkeypatch.setattr(whole, "PIECE", 10)
    return Small(**CASES[request.param])


def test_loss_gradient_and_products_are_those_of_jax(small):
    made, theta = whole.of(small.problem, "train"), small.at(1)
    loss, gradient = made.loss_and_gradient(theta)
    wanted, slope = jax.value_and_grad(small.loss_of())(theta)
    assert loss == pytest.approx(float(wanted), rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12)
    H, V = small.dense(theta), RANDOM.standard_normal((3, len(theta)))
    np.testing.assert_allclose(made.products(theta, V), V @ H, rtol=0, atol=1e-12 * max(1, np.abs(H).max()) * 10)
    operator = made.hessian(theta)
    np.testing.assert_allclose(operator @ V.T, H @ V.T, rtol=0, atol=1e-11)
    np.testing.assert_allclose(operator @ V[0], H @ V[0], rtol=0, atol=1e-11)
    np.testing.assert_allclose(operator.T @ V[0], H @ V[0], rtol=0, atol=1e-11)
    # of the test set they are other numbers, and right ones; and so a step later
    other = whole.of(small.problem, "test").loss_and_gradient(theta)[1]
    np.testing.assert_allclose(other, small.slope(theta, "test"), rtol=0, atol=1e-12)
    assert np.abs(other - slope).max() > 1e-4
    assert np.abs(made.loss_and_gradient(small.first)[1] - slope).max() > 1e-6


def test_float32_is_measured_in_float64():
    """At the very numbers that the run has; products in float32 are off by far more than is asked above."""
    small = Small(dtype="float32")
    theta = small.at(1)
    assert small.trajectory().start.theta.dtype == np.float32
    made = whole.of(small.problem, "train")
    gradient = made.loss_and_gradient(theta)[1]
    assert gradient.dtype == np.float64
    batch = jnp.arange(40)
    coarse = np.asarray(small.problem.gradient(jnp.asarray(theta, jnp.float32), batch), np.float64)
    assert 1e-10 < np.abs(coarse - gradient).max() < 1e-5


def test_in_32_bits_too():
    with jax.enable_x64(False):
        small = Small()
        assert whole.of(small.problem, "train").loss_and_gradient(small.first)[1].dtype == np.float64
        assert whole.of(small.problem, "train").products(small.first, small.first[None]).dtype == np.float64


def test_products_are_linear_and_symmetric():
    small = Small(hidden=(3,))
    made, theta = whole.of(small.problem, "train"), small.first
    a, b = RANDOM.standard_normal((2, len(theta)))
    Ha, Hb, both = made.products(theta, np.stack([a, b, 2 * a - 3 * b]))
    np.testing.assert_allclose(both, 2 * Ha - 3 * Hb, rtol=0, atol=1e-11)
    assert a @ Hb == pytest.approx(b @ Ha, rel=1e-10)
    assert abs(a @ made.products(small.at(1), b[None])[0] - b @ Ha) > 1e-6  # of another Hessian


def test_a_network_without_tangents_of_its_own(monkeypatch):
    """LeNet-5: its gradient is written out, and the same by jax where the loss has no slope, in one piece."""
    small = Small(model={"name": "lenet5", "activation": "tanh"}, inputs=784, examples=6, batch=3, epochs=1)
    theta = 0.1 * RANDOM.standard_normal(small.problem.size)
    v = RANDOM.standard_normal((1, len(theta)))
    loss = small.loss_of()
    wanted = jax.jvp(jax.grad(loss), (theta,), (v[0],))[1]
    for size in (4, 1000):
        monkeypatch.setattr(whole, "PIECE", size)
        made = whole.of(small.problem, "train")
        np.testing.assert_allclose(made.loss_and_gradient(theta)[1], jax.grad(loss)(theta), rtol=0, atol=1e-12)
        np.testing.assert_allclose(made.products(theta, v)[0], wanted, rtol=0, atol=1e-11)
    plain = jax.grad(lambda theta, piece: small.problem.loss.value(small.problem.outputs(theta, piece[0]), piece[1]))
    by_jax = Whole(made.value, plain, made.stacks, made.weights)
    np.testing.assert_allclose(by_jax.products(theta, v)[0], wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 10, 11])
def test_pieces_have_all_examples_once(count):
    examples = np.arange(count), np.arange(3 * count).reshape(count, 3)
    stacks, weights = in_pieces(examples, 5)
    found = [np.concatenate([stack[i].reshape(-1, *examples[i].shape[1:]) for stack in stacks]) for i in (0, 1)]
    assert all((one == other).all() for one, other in zip(found, examples, strict=True))
    assert sum(each.sum() for each in weights) == pytest.approx(1, rel=1e-15)
    sizes = [stack[0].shape[1] for stack in stacks for _ in range(stack[0].shape[0])]
    np.testing.assert_allclose(np.concatenate(weights), np.array(sizes) / count, rtol=1e-15)
    plain = np.full(len(sizes), 1 / len(sizes))
    assert (np.abs(np.concatenate(weights) - plain).max() > 0.05) == (len(set(sizes)) > 1)  # the mean of means


def test_pieces_left_unweighted_are_noticed():
    """The rest is no whole piece: with weights all the same the loss is another."""
    small = Small(examples=1003, batch=17, epochs=1)
    made = whole.of(small.problem, "train")
    wrong = Whole(made.value, made.gradient, made.stacks, tuple(np.full(len(w), 1 / 2) for w in made.weights))
    wanted = float(small.loss_of()(small.first))
    assert made.loss_and_gradient(small.first)[0] == pytest.approx(wanted, rel=1e-12)
    assert abs(wrong.loss_and_gradient(small.first)[0] / wanted - 1) > 1e-3


def test_distinct_counts_batches_as_often_as_they_come():
    a, b, c = RANDOM.standard_normal((3, 4, 2))
    names = jnp.asarray([0, 1, 2, 1, 1, 0])
    stack = {"x": jnp.stack([a, b, c, b, b, a]), "y": names}
    found, weights = distinct(stack)
    assert found["y"].tolist() == [0, 1, 2]
    assert np.array_equal(found["x"], [a, b, c])
    np.testing.assert_allclose(weights, np.array([2, 3, 1]) / 6, rtol=1e-15)
    other = {"x": stack["x"], "y": jnp.arange(6)}  # what differs in one leaf differs
    assert len(distinct(other)[1]) == 6


def test_distinct_with_keys():
    keys = jax.random.split(jax.random.key(0), 2)[jnp.array([0, 1, 0])]
    found, weights = distinct((keys, jnp.ones((3, 2))))
    assert jnp.issubdtype(found[0].dtype, jax.dtypes.prng_key)
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3])
    wide = in_dtype((found[0], found[1].astype(jnp.float32), jnp.arange(2)), "float64")
    assert wide[0].dtype == found[0].dtype
    assert [wide[1].dtype, wide[2].dtype.kind] == [np.float64, "i"]


@pytest.mark.parametrize("x64", [True, False])
def test_of_a_training_in_a_session(x64):
    """Batches that come again, and a key in each: the mean over all steps."""
    random = np.random.default_rng(1)
    x = random.standard_normal((3, 5, 4)).astype(np.float32)
    which = [0, 1, 2, 0, 1, 2, 0, 0]

    def loss(w, batch):
        noise = jax.random.bernoulli(batch["key"], 0.5, (4,))
        return jnp.mean(jnp.tanh(batch["x"] @ (w * noise)) ** 2) + jnp.sum(w**4)

    with jax.enable_x64(x64):
        keys = jax.random.split(jax.random.key(3), 3)[jnp.array(which)]
        batches = {"x": x[which], "key": keys}
        held_out = jax.tree.map(lambda leaf: leaf[0], batches)
        training = tj.train(loss, np.ones(4, np.float32), optax.sgd(0.1), batches, test=held_out)
    made = OwnProblem(training)
    found = made.whole("train")
    assert len(found.weights[0]) == 3
    theta = random.standard_normal(4)
    wide = x.astype(np.float64)
    mean = lambda w: sum(loss(w, {"x": wide[i], "key": k}) for i, k in zip(which, keys, strict=True)) / 8
    value, gradient = found.loss_and_gradient(theta)
    assert value == pytest.approx(float(mean(theta)), rel=1e-12)
    np.testing.assert_allclose(gradient, jax.grad(mean)(theta), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.products(theta, np.eye(4)), jax.hessian(mean)(theta), rtol=0, atol=1e-11)
    unweighted = Whole(found.value, found.gradient, found.stacks, (np.full(3, 1 / 3),))
    assert abs(unweighted.loss_and_gradient(theta)[0] - value) > 1e-4
    test = made.whole("test").loss_and_gradient(theta)[0]
    assert test == pytest.approx(float(loss(theta, {"x": wide[0], "key": keys[0]})), rel=1e-12)
    with jax.enable_x64(x64):
        assert OwnProblem(tj.train(loss, np.ones(4), optax.sgd(0.1), batches)).whole("test") is None


def test_pieces_are_those_of_the_loss(monkeypatch):
    """A loss with a slope is cut in pieces; one from a file, that may be no mean, is not."""
    small = Small(examples=30, batch=30, epochs=1)
    monkeypatch.setattr(whole, "PIECE", 8)
    assert [len(w) for w in whole.of(small.problem, "train").weights] == [3, 1]
    small.problem.loss = type("Loss", (), {"value": staticmethod(lambda z, labels: jnp.sum(z**2))})
    assert [len(w) for w in whole.of(small.problem, "train").weights] == [1]
