"""The small convolutional network: its outputs by numpy, its derivatives, its training on images of CIFAR-10."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from test_formats import archive
from training_jacobian.jacobian import trajectory
from training_jacobian.learning import counting, initial, layout, problem
from training_jacobian.learning import split as splits
from training_jacobian.learning import whole as whole_set
from training_jacobian.learning.datasets import cifar10
from training_jacobian.learning.layout import unflatten
from training_jacobian.learning.models import convnet
from training_jacobian.learning.whole import of_training_set

RANDOM = np.random.default_rng(0)
MODEL = {"name": "convnet", "activation": "relu"}
SMALL = {**MODEL, "widths": (2, 3, 2, 3, 4)}  # of all else, the same network
IMAGES = RANDOM.integers(0, 256, (6, 3072), np.uint8)
ALL = {"inputs": IMAGES, "labels": np.arange(6)}


def by_numpy(parameters, image):
    """Outputs (classes,) of one image (channel, row, column): each pixel's window times the kernel."""

    def convolved(a, layer, border):
        kernel, bias = parameters[f"Conv_{layer}.kernel"], parameters[f"Conv_{layer}.bias"]
        a = np.pad(a, ((0, 0), (border, border), (border, border)))
        windows = np.lib.stride_tricks.sliding_window_view(a, (3, 3), (1, 2))  # (channel, row, column, i, j)
        return np.maximum(np.tensordot(kernel, windows, ((0, 1, 2), (3, 4, 0))) + bias[:, None, None], 0)

    def pooled(a):
        rows, columns = a.shape[1] // 2 * 2, a.shape[2] // 2 * 2
        return np.max([a[:, i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)], axis=0)

    a = pooled(convolved(convolved(image, 0, 1), 1, 0))
    a = pooled(convolved(convolved(a, 2, 1), 3, 0))
    assert a.shape[1:] == (6, 6)
    a = a.transpose(1, 2, 0).ravel()  # row, column, channel
    a = np.maximum(a @ parameters["Dense_0.kernel"] + parameters["Dense_0.bias"], 0)
    return a @ parameters["Dense_1.kernel"] + parameters["Dense_1.bias"]


def theta(shapes, seed=0):
    return initial.draw(shapes, seed, 0.1).astype(np.float64)


@pytest.mark.parametrize("model", [MODEL, SMALL], ids=["as published", "small"])
def test_outputs(model):
    shapes = convnet.shapes(model, 3072, 10)
    start = theta(shapes)
    found = np.asarray(problem.outputs(shapes, model)(start, jnp.asarray(IMAGES[:2] / 255)))
    images = IMAGES[:2].reshape(2, 3, 32, 32) / 255
    parameters = unflatten(start, shapes)
    np.testing.assert_allclose(found, [by_numpy(parameters, each) for each in images], rtol=0, atol=1e-13)
    swapped = by_numpy(parameters, images[0].swapaxes(1, 2))  # negative control: rows for columns
    assert np.abs(found[0] - swapped).max() > 1e-3


def test_parameters_are_those_of_keras():
    """1250858 in Keras' own summary of the example."""
    shapes = convnet.shapes(MODEL, 3072, 10)
    sizes = [layout.size({name: shape}) for name, shape in shapes.items()]
    pairs = [bias + kernel for bias, kernel in zip(sizes[::2], sizes[1::2], strict=True)]
    assert pairs == [896, 9248, 18496, 36928, 1180160, 5130]
    assert sum(pairs) == 1250858
    with pytest.raises(ValueError, match="for images of 32x32 pixels in 3 colours, not for 784 inputs; choose another"):
        convnet.shapes(MODEL, 784, 10)


@pytest.mark.parametrize("model", [MODEL, SMALL], ids=["as published", "small"])
def test_work_is_what_its_program_does(model):
    shapes = convnet.shapes(model, 3072, 10)
    arrays = [jax.ShapeDtypeStruct(shape, np.float32) for shape in ((layout.size(shapes),), (1, 3072))]
    found = counting.products(problem.outputs(shapes, model), *arrays)
    into, out, multiplications, _ = convnet.work(shapes)
    assert into == tuple(each.into for each in found)
    assert (*out, 10) == tuple(each.out for each in found)
    assert multiplications == sum(each.multiplications for each in found)


def test_maxima_of_equal_pixels():
    """Each gets its part of the slope; an odd last row has none."""
    slope = jax.grad(lambda a: convnet.pool(a).sum())(jnp.ones((1, 3, 2, 1)))
    np.testing.assert_array_equal(slope[0, :, :, 0], [[0.25, 0.25], [0.25, 0.25], [0, 0]])
    peak = jnp.ones((1, 2, 2, 1)).at[0, 1, 0, 0].set(2)
    np.testing.assert_array_equal(jax.grad(lambda a: convnet.pool(a).sum())(peak)[0, :, :, 0], [[0, 0], [1, 0]])


def parameters_of(examples, model):
    """Of a run of two steps, each on half of the images."""
    count = len(examples["inputs_train"])
    return {
        "data": {"name": "cifar10", "train_size": count, "test_size": 2},
        "model": model,
        "loss": {"name": "cross_entropy"},
        "order": {"name": "stored"},
        "training": {
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0},
            "schedule": {"name": "constant"},
            "epochs": 1, "batch_size": count // 2, "dtype": "float64",
        },
    }  # fmt: skip


def trained(examples, activation="relu"):
    """The problem, and its states (3, N)."""
    made = problem.Problem(parameters_of(examples, {**SMALL, "activation": activation}), examples)
    run = trajectory.in_memory(made.gradient, made.optimizer, made.start(theta(made.shapes)), made.batches)
    return made, np.asarray(run.rows(0, 3).theta)


def random_images():
    labels = np.arange(6) % 10
    return {
        "inputs_train": IMAGES[:4],
        "labels_train": labels[:4],
        "inputs_test": IMAGES[4:],
        "labels_test": labels[4:],
    }


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_two_steps_and_products_with_the_hessian(activation):
    """Against jax's Hessian-vector product of the loss of all images at once, and differences of its gradient."""
    made, states = trained(random_images(), activation=activation)
    whole, end = of_training_set(made), states[-1]
    images, labels = jnp.asarray(IMAGES[:4] / 255), jnp.arange(4)
    loss = lambda at: made.loss.value(made.outputs(at, images), labels)
    gradient = jax.jit(jax.grad(loss))
    half = jax.grad(lambda at: made.loss.value(made.outputs(at, images[:2]), labels[:2]))
    np.testing.assert_allclose(states[1], states[0] - 0.1 * half(states[0]), rtol=0, atol=1e-14)
    found = whole.loss_and_gradient(end)
    assert found[0] == pytest.approx(float(loss(end)), rel=1e-13)
    np.testing.assert_allclose(found[1], gradient(end), rtol=0, atol=1e-13)
    V = RANDOM.standard_normal((2, made.size))
    products = whole.products(end, V)
    hvp = jax.jit(lambda at, v: jax.jvp(jax.grad(loss), (at,), (v,))[1])
    for v, product in zip(V, products, strict=True):
        np.testing.assert_allclose(product, hvp(end, v), rtol=0, atol=1e-11)
    assert V[0] @ products[1] == pytest.approx(V[1] @ products[0], rel=1e-9)
    step = 1e-7  # so small that no maximum and no unit of ReLU changes
    differences = (gradient(end + step * V[0]) - gradient(end - step * V[0])) / (2 * step)
    np.testing.assert_allclose(products[0], differences, rtol=0, atol=1e-5 * np.abs(products[0]).max())
    assert np.abs(products[0] - whole.products(states[0], V)[0]).max() > 1e-3  # negative control: elsewhere, another H


def test_pieces_are_small_where_hidden_layers_are_large(monkeypatch):
    """192 images of the published network; the same numbers whatever the pieces."""
    many = {name: np.repeat(each, 100, axis=0) if "train" in name else each for name, each in random_images().items()}
    made = problem.Problem(parameters_of(many, MODEL), many)
    assert [len(stack[0][0]) for stack in of_training_set(made).stacks] == [192, 16]
    few, states = trained(random_images())
    whole = of_training_set(few)
    assert [len(stack[0][0]) for stack in whole.stacks] == [4]
    monkeypatch.setattr(whole_set, "HELD", 3 * sum(convnet.work(few.shapes)[1]))
    cut = of_training_set(few)
    assert [len(stack[0][0]) for stack in cut.stacks] == [3, 1]
    for one, other in zip(whole.loss_and_gradient(states[-1]), cut.loss_and_gradient(states[-1]), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)


def test_images_of_an_archive(tmp_path):
    """As the data stage reads them, through two steps; batch b of the archive has labels b and grey 10 b."""
    path = archive(tmp_path / "a.tar.gz", cifar10.BATCHES)
    examples = splits.first("cifar10", [path], 30001, 2)
    some = [0, 10000, 20000, 30000]
    few = {name: values[some] if name.endswith("train") else values for name, values in examples.items()}
    made, states = trained(few)
    np.testing.assert_array_equal(made.examples["labels_train"], [0, 1, 2, 3])
    np.testing.assert_allclose(made.examples["inputs_train"][:, 7], np.arange(4) * 10 / 255)
    losses = [of_training_set(made).loss_and_gradient(each)[0] for each in states]
    assert losses[2] < losses[0]
