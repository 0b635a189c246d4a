"""LeNet-5: its size, its convolutions against XLA's, and the products with its training Jacobian."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import initial, problem, training
from training_jacobian.learning.layered import Dense
from training_jacobian.learning.layout import size, unflatten
from training_jacobian.learning.losses import cross_entropy
from training_jacobian.learning.models import lenet5
from training_jacobian.learning.orders import stored
from training_jacobian.workflow import loading

MODEL = {"name": "lenet5", "activation": "tanh"}
SHAPES = lenet5.shapes(MODEL, 784, 10)
RANDOM = np.random.default_rng(0)
INPUTS, LABELS = jnp.asarray(RANDOM.random((8, 784))), jnp.asarray(RANDOM.integers(0, 10, 8))
THETA = jnp.asarray(initial.draw(SHAPES, seed=0, bias_std=0.1), jnp.float64)


def test_size_and_order():
    assert size(SHAPES) == 61706
    assert list(SHAPES)[:4] == ["Conv_0.bias", "Conv_0.kernel", "Conv_1.bias", "Conv_1.kernel"]
    assert SHAPES["Conv_1.kernel"] == (5, 5, 6, 16)
    with pytest.raises(ValueError, match="for images of 28x28 grey pixels, not for 3072 inputs; choose another model"):
        lenet5.shapes(MODEL, 3072, 10)


def test_run_of_lenet_yaml():
    run = loading.load(Path(__file__).parents[1] / "studies/lenet.yaml").runs["lenet_mnist"]
    assert (run.size, run.steps, run.training.batch_size, run.training.dtype) == (61706, 900, 200, "float32")


def by_xla(theta, inputs):
    parts, images = unflatten(theta, SHAPES), inputs.reshape(-1, 28, 28, 1)
    for layer, padding in (("Conv_0", 2), ("Conv_1", 0)):
        form, pad = ("NHWC", "HWIO", "NHWC"), [(padding, padding)] * 2
        seen = jax.lax.conv_general_dilated(images, parts[f"{layer}.kernel"], (1, 1), pad, dimension_numbers=form)
        seen = jnp.tanh(seen + parts[f"{layer}.bias"])
        images = jax.lax.reduce_window(seen, 0.0, jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    seen = images.transpose(0, 3, 1, 2).reshape(len(inputs), -1)
    for layer in range(3):
        seen = seen @ parts[f"Dense_{layer}.kernel"] + parts[f"Dense_{layer}.bias"]
        seen = jnp.tanh(seen) if layer < 2 else seen
    return seen


def test_patches_are_convolutions():
    ours = jax.jit(lambda theta: lenet5.apply(MODEL, unflatten(theta, SHAPES), INPUTS))(THETA)
    theirs = jax.jit(lambda theta: by_xla(theta, INPUTS))(THETA)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)
    assert np.abs(theirs).max() > 0.1
    assert np.abs(by_xla(THETA, INPUTS.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)) - ours).max() > 1e-3


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_maps_between_layers_and_their_transposes(layer):
    feed, units = lenet5.feeds(5, 2)[layer], {1: (6, 784 * 2), 2: (16, 100 * 2), 3: (120, 2)}[layer]
    a = jnp.asarray(RANDOM.standard_normal(units))
    there = feed.there(a)
    x = jnp.asarray(RANDOM.standard_normal(there.shape))
    assert jnp.sum(there * x) == pytest.approx(float(jnp.sum(a * feed.back(x))), rel=1e-12)
    np.testing.assert_allclose(feed.back(x), jax.linear_transpose(feed.there, a)(x)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("layer", [lenet5.Convolution(3, 9, 2), Dense()], ids=["convolution", "dense"])
def test_products_of_a_layer_are_those_of_jax(layer):
    convolution = isinstance(layer, lenet5.Convolution)
    random = lambda *shape: jnp.asarray(RANDOM.standard_normal(shape))
    W, d_W, a, d_a = (
        random(4, 75),
        random(2, 4, 75),
        random(*(s := (3, 162) if convolution else (75, 6))),
        random(2, *s),
    )
    product = lambda W, a: W @ layer.there(a)
    z, transposed = jax.vjp(product, W, a)
    g, d_g, x = random(*z.shape), random(2, *z.shape), layer.there(a)
    spread = jax.linear_transpose(layer.there, a)
    along = lambda d_W, d_g: jax.vjp(product, d_W, a)[1](g)[1] + transposed(d_g)[1]
    expected = {
        "back": (jnp.stack([layer.back(d_x) for d_x in (x, 2 * x)]), [(1 + i) * spread(x)[0] for i in range(2)]),
        "forward": (layer.forward(W, d_a), [product(W, each) for each in d_a]),
        "outer": (layer.outer(g, d_a), [jax.vjp(product, W, each)[1](g)[0] for each in d_a]),
        "backward": (layer.backward(W, d_W, g, d_g), [along(*each) for each in zip(d_W, d_g, strict=True)]),
    }
    for name, (ours, theirs) in expected.items():
        np.testing.assert_allclose(ours, jnp.stack(theirs), rtol=0, atol=1e-12, err_msg=name)
        assert np.abs(ours[0] - ours[1]).max() > 0.1, name


@pytest.mark.parametrize("together", [8, 4])
def test_written_out_tangents_are_those_of_jax(monkeypatch, together):
    monkeypatch.setattr(lenet5, "TOGETHER", together)  # of the 8 examples
    model = {**MODEL, "activation": "gelu"}
    ours, logits = problem.gradient(SHAPES, model, cross_entropy), problem.outputs(SHAPES, model)
    theirs = jax.grad(lambda theta: cross_entropy.value(logits(theta, INPUTS), LABELS))
    tangents = jnp.asarray(RANDOM.standard_normal((2, len(THETA))))
    both = [
        jax.jit(lambda V, g=g: (g(THETA), jax.vmap(lambda v: jax.jvp(g, (THETA,), (v,))[1])(V)))(tangents)
        for g in (lambda theta: ours(theta, INPUTS, LABELS), theirs)
    ]
    for mine, its in zip(*both, strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=1e-12 * np.abs(its).max())
    assert np.abs(both[0][1][0] - both[0][1][1]).max() > 1e-3


@pytest.mark.parametrize("name", ["momentum", pytest.param("adam", marks=pytest.mark.engines)])
def test_products(name):
    optimizer = {"momentum": optax.sgd(0.1, momentum=0.9), "adam": optax.adam(1e-3, eps_root=1e-8)}[name]
    gradient = problem.gradient(SHAPES, MODEL, cross_entropy).on(INPUTS, LABELS)
    batches = jnp.asarray(stored.batches({}, 8, 4, 2))
    run = jax.jit(
        lambda theta: (
            trajectory.in_memory(gradient, optimizer, training.State(theta, optimizer.init(theta)), batches)
            .rows(4, 5)
            .theta[0]
        )
    )
    start = training.State(THETA, optimizer.init(THETA))
    J = TrainingJacobian(trajectory.in_memory(gradient, optimizer, start, batches))
    V, U = RANDOM.standard_normal((2, len(THETA), 2)) / np.sqrt(len(THETA))
    there, back = J @ V, J.T @ U
    assert abs(np.sum(U * there) - np.sum(back * V)) < 1e-12 * np.linalg.norm(U) * np.linalg.norm(there)
    assert np.linalg.norm(there - V) > 1e-4  # the training does something
    size = 1e-5
    differences = [(run(THETA + size * v) - run(THETA - size * v)) / (2 * size) for v in V.T]
    np.testing.assert_allclose(there.T, differences, rtol=0, atol=1e-6)
