"""LeNet-5 as the authors of the paper had it: network, theta_0 and order of batches, against Flax's own."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from training_jacobian.learning import initial, problem
from training_jacobian.learning.layout import unflatten
from training_jacobian.learning.models import lenet5
from training_jacobian.learning.orders import jax_permuted
from training_jacobian.workflow import loading

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "data/theta0_lenet5.npy"
AUTHORS = ROOT.parent / "shared/reference/theta0_lenet5.npy"  # in Flax's order, where there is such a file
MODEL = {"name": "lenet5", "activation": "relu"}
SHAPES = lenet5.shapes(MODEL, 784, 10)
IMAGES = np.random.default_rng(0).random((8, 784), np.float32)
FIRST = {0: [45335, 42303, 35171, 48022], 1: [2222, 59510, 26050, 26151]}  # of 60000, by epoch


class Net(nn.Module):
    """The authors' network: activations are flattened (row, column, channel)."""

    @nn.compact
    def __call__(self, images):
        x = images.reshape(-1, 28, 28, 1)
        for features, padding in ((6, "SAME"), (16, "VALID")):
            x = nn.relu(nn.Conv(features, (5, 5), padding=padding)(x))
            x = nn.avg_pool(x, (2, 2), (2, 2))
        x = x.reshape(len(x), -1)
        for features in (120, 84):
            x = nn.relu(nn.Dense(features)(x))
        return nn.Dense(10)(x)


@pytest.fixture(scope="module")
def theirs():
    """Flax's parameters from key 0 under the legacy generator."""
    with jax.enable_x64(False), jax.threefry_partitionable(False):
        return Net().init(jax.random.key(0), jnp.zeros((1, 784)))


def in_our_order(theta):
    """Flax's theta with rows of Dense_0.kernel by (channel, row, column)."""
    parts = unflatten(theta, SHAPES)
    kernel = parts["Dense_0.kernel"].reshape(5, 5, 16, 120)
    parts["Dense_0.kernel"] = kernel.transpose(2, 0, 1, 3)
    return np.concatenate([np.ravel(part) for part in parts.values()])


def test_the_shipped_theta_0_is_that_of_flax(theirs):
    shipped, flat = initial.read(SHIPPED, SHAPES), np.asarray(ravel_pytree(theirs)[0])
    assert shipped.dtype == flat.dtype == np.float32
    np.testing.assert_allclose(shipped, in_our_order(flat), rtol=0, atol=1e-6)
    assert np.abs(shipped - flat).max() > 0.1  # negative control: as it is, it is another network
    assert all((part == 0).all() for name, part in unflatten(shipped, SHAPES).items() if name.endswith("bias"))


def test_the_shipped_theta_0_is_that_of_the_authors():
    if not AUTHORS.exists():
        pytest.skip("the authors' theta_0 is not beside the project; the shipped one is compared with Flax's")
    np.testing.assert_array_equal(np.load(SHIPPED), in_our_order(np.load(AUTHORS)))


def test_outputs_are_those_of_flax(theirs):
    """With biases of our own: those of the start are zero."""
    random = np.random.default_rng(1)
    moved = jax.tree.map(lambda part: part + 0.1 * random.standard_normal(part.shape).astype(np.float32), theirs)
    flat = np.asarray(ravel_pytree(moved)[0])
    ours = lambda theta: np.asarray(problem.outputs(SHAPES, MODEL)(jnp.asarray(theta), IMAGES))
    expected = np.asarray(Net().apply(moved, IMAGES))
    np.testing.assert_allclose(ours(in_our_order(flat)), expected, rtol=0, atol=1e-4)
    assert np.abs(ours(flat) - expected).max() > 0.1  # negative control: the order of the rows matters


def test_batches_are_those_of_the_legacy_generator():
    made = jax_permuted.batches({}, 60000, 200, 2).reshape(2, 60000)
    assert {epoch: made[epoch, :4].tolist() for epoch in FIRST} == FIRST
    np.testing.assert_array_equal(np.sort(made), np.tile(np.arange(60000), (2, 1)))
    with jax.threefry_partitionable(True):
        np.testing.assert_array_equal(made[:1], jax_permuted.batches({}, 60000, 200, 1).reshape(1, -1))
        of_today = jax.random.permutation(jax.random.key(1), 60000)
    assert not np.array_equal(of_today, made[1])  # negative control: JAX's generator of today


def test_the_run_is_as_the_authors_said():
    run = loading.load(ROOT / "studies/lenet.yaml").runs["lenet_published"]
    assert (run.size, run.steps, run.training.batch_size, run.training.dtype) == (61706, 900, 200, "float32")
    assert (run.model.activation, run.order.name) == ("relu", "jax_permuted")
    assert run.initial.path == "data/theta0_lenet5.npy"
    assert (run.training.optimizer.learning_rate, run.training.optimizer.momentum) == (0.05, 0.9)
    assert (run.training.schedule.name, run.training.epochs, run.loss.name) == ("cosine", 3, "cross_entropy")
