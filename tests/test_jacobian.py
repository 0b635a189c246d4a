"""Columns of J against closed forms, central differences, and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from conftest import Tiny
from training_jacobian import jacobian, training

RATE = optax.cosine_decay_schedule(0.3, 9)
OPTIMIZERS = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "adam": optax.adam(0.01, eps_root=1e-8),  # not in params.yaml yet: any optax optimizer must follow
    "adamw": optax.adamw(0.01, eps_root=1e-8, weight_decay=0.1),
}


def dense(tiny, optimizer, **options):
    step = tiny.step(optimizer)
    states, _ = tiny.states(optimizer, step)
    return jacobian.columns(step, states, tiny.batches, 0, tiny.size, **options)


def central_differences(tiny, optimizer, size=1e-5):
    step = tiny.step(optimizer)
    end = jax.jit(lambda theta: tiny.states(optimizer, step, theta)[1])
    units = size * np.eye(tiny.size)
    return np.stack([(end(tiny.theta + e) - end(tiny.theta - e)) / (2 * size) for e in units], axis=1)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_quadratic_loss_has_closed_form(steps):
    random = np.random.default_rng(1)
    root = random.standard_normal((6, 6))
    H, rate = root @ root.T / 6, 0.1
    optimizer = optax.sgd(rate)
    step = training.make_step(lambda theta, batch: H @ theta, optimizer)
    theta = jnp.asarray(random.standard_normal(6))
    batches = jnp.zeros((steps, 1))
    states = training.trajectory(step, training.State(theta, optimizer.init(theta)), batches)
    J = jacobian.columns(step, jax.tree.map(lambda leaf: leaf[:-1], states), batches, 0, 6)
    exact = np.linalg.matrix_power(np.eye(6) - rate * H, steps)
    np.testing.assert_allclose(J, exact, rtol=0, atol=1e-15)
    assert np.abs(J - np.linalg.matrix_power(np.eye(6) - rate * H, steps + 1)).max() > 1e-3  # it can fail


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_central_differences(tiny, name):
    J, approximate = dense(tiny, OPTIMIZERS[name]), central_differences(tiny, OPTIMIZERS[name])
    assert np.abs(J - approximate).max() < 1e-6
    assert np.abs(J - np.eye(tiny.size)).max() > 0.05  # the training does something


def test_momentum_is_part_of_the_state(tiny):
    """Negative control: composing Jacobians of theta alone, the authors' first attempt, is wrong."""
    optimizer = OPTIMIZERS["momentum"]
    step = tiny.step(optimizer)
    states, _ = tiny.states(optimizer, step)
    halves = [jax.tree.map(lambda leaf, cut=cut: leaf[cut], states) for cut in (slice(0, 4), slice(4, None))]
    early = jacobian.columns(step, halves[0], tiny.batches[:4], 0, tiny.size)
    late = jacobian.columns(step, halves[1], tiny.batches[4:], 0, tiny.size)
    whole = dense(tiny, optimizer)
    assert np.linalg.norm(late @ early - whole) > 0.05 * np.linalg.norm(whole)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_composition_on_the_extended_state(tiny, name):
    optimizer = OPTIMIZERS[name]
    step = tiny.step(optimizer)
    states, _ = tiny.states(optimizer, step)
    start = jacobian.from_theta(states, jnp.eye(tiny.size))
    first, second = (jax.tree.map(lambda leaf, cut=cut: leaf[cut], states) for cut in (slice(0, 4), slice(4, None)))
    middle = jacobian.push(step, first, tiny.batches[:4], start)
    end = jacobian.push(step, second, tiny.batches[4:], middle)
    np.testing.assert_allclose(end[0].T, dense(tiny, optimizer), rtol=0, atol=1e-10)


@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_blocks_of_any_size_agree(tiny, chunk):
    whole = dense(tiny, OPTIMIZERS["momentum"])
    step = tiny.step(OPTIMIZERS["momentum"])
    states, _ = tiny.states(OPTIMIZERS["momentum"], step)
    for first, last in [(0, 0), (0, 1), (3, 17), (tiny.size - 2, tiny.size)]:
        block = jacobian.columns(step, states, tiny.batches, first, last, chunk)
        assert block.shape == (tiny.size, last - first)
        np.testing.assert_allclose(block, whole[:, first:last], rtol=0, atol=1e-12)


def test_aligned_blocks_have_the_same_bits(tiny):
    """Why the number of jobs is in no recipe."""
    step = tiny.step(OPTIMIZERS["momentum"])
    states, _ = tiny.states(OPTIMIZERS["momentum"], step)
    block = lambda first, last: jacobian.columns(step, states, tiny.batches, first, last, chunk=8)
    np.testing.assert_array_equal(np.hstack([block(0, 16), block(16, 31)]), block(0, 31))


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (0, 32), (5, 4)])
def test_columns_outside_are_refused(tiny, first, last):
    step = tiny.step(OPTIMIZERS["sgd"])
    states, _ = tiny.states(OPTIMIZERS["sgd"], step)
    assert tiny.size == 31
    with pytest.raises(ValueError, match=f"columns {first}..{last} are not in 0..31"):
        jacobian.columns(step, states, tiny.batches, first, last)


def test_no_steps_is_the_identity(tiny):
    step = tiny.step(OPTIMIZERS["momentum"])
    states, _ = tiny.states(OPTIMIZERS["momentum"], step)
    none = jax.tree.map(lambda leaf: leaf[:0], states)
    np.testing.assert_array_equal(jacobian.columns(step, none, tiny.batches[:0], 0, tiny.size), np.eye(tiny.size))


@pytest.mark.parametrize("hidden", [(), (4,), (4, 5), (3, 2, 4)])
@pytest.mark.parametrize("activation", ["gelu", "tanh", "softplus"])
def test_written_out_tangents_are_those_of_jax(hidden, activation):
    tiny = Tiny(hidden=hidden)
    ours = training.gradient(tiny.shapes, "mlp", activation)
    logits = training.logits(tiny.shapes, "mlp", activation)
    theirs = jax.grad(lambda theta, x, y: training.cross_entropy(logits(theta, x), y))
    tangents = jnp.asarray(np.random.default_rng(2).standard_normal((6, tiny.size)))

    def products(gradient):
        along = lambda v: jax.jvp(lambda theta: gradient(theta, tiny.inputs, tiny.labels), (tiny.theta,), (v,))
        return (*jax.vmap(along)(tangents), *along(tangents[0]))

    for one, other in zip(products(ours), products(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
        assert np.abs(other).max() > 1e-2


def test_written_out_tangents_at_several_points():
    """vmap over theta too, as a sweep of trainings does."""
    tiny = Tiny()
    gradient = training.gradient(tiny.shapes, "mlp", "gelu")
    along = lambda theta, v: jax.jvp(lambda t: gradient(t, tiny.inputs, tiny.labels), (theta,), (v,))[1]
    points = jnp.stack([tiny.theta, 2 * tiny.theta])
    both = jax.vmap(along, in_axes=(0, None))(points, tiny.theta)
    np.testing.assert_allclose(both, [along(point, tiny.theta) for point in points], rtol=0, atol=1e-12)


def test_float32_stays_float32():
    tiny = Tiny(dtype=np.float32)
    single = dense(tiny, OPTIMIZERS["momentum"])
    assert single.dtype == np.float32
    double = dense(Tiny(), OPTIMIZERS["momentum"])
    error = np.abs(single - double).max()
    assert 1e-9 < error < 1e-5


def test_progress_is_told(tiny):
    told = []
    dense(tiny, OPTIMIZERS["sgd"], chunk=10, advance=told.append)
    assert told == [10, 10, 10, 1]
