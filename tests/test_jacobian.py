"""The training Jacobian, its columns and its products, against closed forms, central differences, and each other."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tiny import Tiny
from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import problem, training

RATE = optax.cosine_decay_schedule(0.3, 9)
OPTIMIZERS = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "decay": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(RATE, momentum=0.9)),
    "clipped": optax.chain(optax.clip_by_global_norm(0.2), optax.sgd(RATE, momentum=0.9)),
    "adam": optax.adam(0.01, eps_root=1e-8),
    "adamw": optax.adamw(0.01, eps_root=1e-8, weight_decay=0.1),
    "rmsprop": optax.rmsprop(0.01, momentum=0.5),
    "lion": optax.lion(0.01),
}
RANDOM = np.random.default_rng(5)


@cache
def operator(name, hidden=(4,), written_out=True):
    """A tiny problem, and its Jacobian in chunks of 5; made once, for it is compiling that takes time here."""
    tiny = Tiny(hidden=hidden)
    return tiny, TrainingJacobian(tiny.trajectory(OPTIMIZERS[name], written_out=written_out), chunk=5)


def relative(found, wanted):
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_quadratic_loss_has_closed_form(steps):
    root = np.random.default_rng(1).standard_normal((6, 6))
    H, rate = root @ root.T / 6, 0.1
    optimizer, theta = optax.sgd(rate), jnp.arange(6.0)
    start = training.State(theta, optimizer.init(theta))
    gradient = training.Gradient(lambda theta, batch: H @ theta)
    J = TrainingJacobian(trajectory.in_memory(gradient, optimizer, start, jnp.zeros((steps, 1)))).columns(0, 6)
    exact = np.linalg.matrix_power(np.eye(6) - rate * H, steps)
    np.testing.assert_allclose(J, exact, rtol=0, atol=1e-15)
    assert np.abs(J - np.linalg.matrix_power(np.eye(6) - rate * H, steps + 1)).max() > 1e-3  # it can fail


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_central_differences(name):
    size = 1e-5
    tiny, J = operator(name)
    end = jax.jit(jax.vmap(lambda theta: tiny.end(OPTIMIZERS[name], theta)))
    units = size * np.eye(tiny.size)
    approximate = (end(tiny.theta + units) - end(tiny.theta - units)).T / (2 * size)
    found = J.columns(0, tiny.size)
    assert np.abs(found - approximate).max() < 1e-6
    if name != "lion":  # whose steps have the size of the learning rate whatever the gradient: J is its weight decay
        assert np.abs(found - np.eye(tiny.size)).max() > 0.05  # the training does something


CASES = [*((name, (4,)) for name in OPTIMIZERS), ("momentum", ()), ("adam", (4, 5))]


@pytest.mark.parametrize(("name", "hidden"), CASES)
def test_products_are_those_of_the_dense_matrix_and_adjoint(name, hidden):
    tiny, J = operator(name, hidden)
    dense = J.columns(0, tiny.size)
    V, U = RANDOM.standard_normal((2, tiny.size, 5))
    assert relative(J @ V, dense @ V) < 1e-11
    assert relative(J.T @ U, dense.T @ U) < 1e-11
    there, back = np.sum(U * (J @ V)), np.sum((J.T @ U) * V)
    assert abs(there - back) < 1e-12 * np.linalg.norm(U) * np.linalg.norm(J @ V)
    assert relative(J @ U, dense.T @ U) > 1e-6 or name in ("sgd", "lion")  # negative control: the transpose matters


def test_products_with_one_vector_and_with_many():
    tiny, J = operator("momentum")
    dense = J.columns(0, tiny.size)
    v, V = RANDOM.standard_normal(tiny.size), RANDOM.standard_normal((tiny.size, 13))
    assert relative(J @ v, dense @ v) < 1e-11
    assert relative(J.H @ v, dense.T @ v) < 1e-11
    assert relative(J @ V, dense @ V) < 1e-11


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_fast_path_is_the_generic_one(name):
    """Tangents in parts and written out, against jax.grad on the flat theta: any model and optimizer has that."""
    (tiny, fast), (_, slow) = operator(name), operator(name, written_out=False)
    V = np.eye(tiny.size)
    np.testing.assert_allclose(fast @ V, slow @ V, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fast.T @ V, slow.T @ V, rtol=0, atol=1e-12)


def test_a_step_left_out_is_seen():
    """Negative control of the above."""
    tiny, J = operator("adam")
    later, V = TrainingJacobian(J.trajectory, start=1, chunk=5), np.eye(tiny.size)
    assert np.abs(later @ V - J @ V).max() > 1e-3


@pytest.mark.parametrize("name", ["momentum", "clipped", "adamw", "rmsprop"])
def test_composition_on_the_extended_state(name):
    tiny, theta = operator(name)
    late, early, both = (TrainingJacobian(theta.trajectory, *at, extended=True) for at in ((4, 9), (0, 4), (0, 9)))
    V = RANDOM.standard_normal((both.shape[1], 5))
    np.testing.assert_allclose(late @ (early @ V), both @ V, rtol=0, atol=1e-10)
    np.testing.assert_allclose(early.T @ (late.T @ V), both.T @ V, rtol=0, atol=1e-10)
    still = np.concatenate([V[: tiny.size], np.zeros((both.shape[1] - tiny.size, 5))])
    np.testing.assert_allclose((both @ still)[: tiny.size], theta @ V[: tiny.size], rtol=0, atol=1e-12)


def test_momentum_is_part_of_the_state(tiny):
    """Negative control: composing Jacobians of theta alone, the authors' first attempt, is wrong."""
    whole = tiny.trajectory(OPTIMIZERS["momentum"])
    late, early, both = (TrainingJacobian(whole, *steps).columns(0, tiny.size) for steps in ((4, 9), (0, 4), (0, 9)))
    assert np.linalg.norm(late @ early - both) > 0.05 * np.linalg.norm(both)


@cache
def in_one_segment(start, end):
    """Vectors, and J and J^T of them for Adam, steps linearised all at once."""
    tiny, V = Tiny(), np.random.default_rng(6).standard_normal((31, 3))
    J = TrainingJacobian(tiny.trajectory(OPTIMIZERS["adam"]), start, end)
    return V, J @ V, J.T @ V


@pytest.mark.parametrize(("every", "segments"), [(1, 2), (1, 9), (3, 1), (3, 2), (3, 3), (9, 9)])
def test_segments_and_checkpoints_change_nothing(tiny, every, segments):
    whole = tiny.trajectory(OPTIMIZERS["adam"], every=every)
    J = TrainingJacobian(whole, memory=-(-9 // segments) * whole.linearized_bytes)
    assert len(J.segments) == segments
    some = TrainingJacobian(whole, 2, 7, memory=2 * whole.linearized_bytes)
    assert f"steps 2..7 in 3 segments of 2{f', from states kept at every {every}th' if every > 1 else ''}" in str(some)
    for found, steps in ((J, (0, 9)), (some, (2, 7))):
        V, there, back = in_one_segment(*steps)
        np.testing.assert_allclose(found @ V, there, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.T @ V, back, rtol=0, atol=1e-13)
    assert np.abs(there - in_one_segment(0, 9)[1]).max() > 1e-3  # negative control: the steps matter


def test_snapshots_are_prefixes(tiny):
    whole = tiny.trajectory(OPTIMIZERS["momentum"])
    V = RANDOM.standard_normal((tiny.size, 5))
    found = TrainingJacobian(whole, chunk=2).snapshots(V, [9, 0, 4, 3])
    assert set(found) == {0, 3, 4, 9}
    for t, each in found.items():
        np.testing.assert_allclose(each, TrainingJacobian(whole, 0, t) @ V, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(found[0], V)
    with pytest.raises(ValueError, match=r"step 10 is not in 0\.\.9"):
        TrainingJacobian(whole).snapshots(V, [10])


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 4), (0, 10)])
def test_steps_outside_are_refused(tiny, start, end):
    with pytest.raises(ValueError, match=rf"steps {start}\.\.{end} are not in 0\.\.9"):
        TrainingJacobian(tiny.trajectory(OPTIMIZERS["sgd"]), start, end)


@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_blocks_of_any_size_agree(tiny, chunk):
    J, whole = (
        TrainingJacobian(tiny.trajectory(OPTIMIZERS["momentum"]), chunk=chunk),
        tiny.jacobian(OPTIMIZERS["momentum"]),
    )
    for first, last in [(0, 0), (0, 1), (3, 17), (tiny.size - 2, tiny.size)]:
        block = J.columns(first, last)
        assert block.shape == (tiny.size, last - first)
        np.testing.assert_allclose(block, whole[:, first:last], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "dtype", "wanted"),
    [(100, "float64", 32), (4810, "float32", 16), (4810, "float64", 8), (19210, "float64", 4), (10**6, "float64", 4)],
)
def test_chunk_fits_into_the_cache(size, dtype, wanted):
    """Where there are several segments, a chunk linearises all of them again: then it is as large as allowed."""
    theta, optimizer = jnp.zeros(size, dtype), OPTIMIZERS["sgd"]
    start, gradient = training.State(theta, optimizer.init(theta)), training.Gradient(lambda theta, batch: theta)
    whole = trajectory.in_memory(gradient, optimizer, start, jnp.zeros((2, 1)))
    assert TrainingJacobian(whole).chunk == wanted
    assert TrainingJacobian(whole, chunk=3).chunk == 3
    assert TrainingJacobian(whole, memory=1).chunk == 32


def test_aligned_blocks_have_the_same_bits(tiny):
    """Why the number of jobs is in no recipe."""
    J = TrainingJacobian(tiny.trajectory(OPTIMIZERS["momentum"]), chunk=8)
    np.testing.assert_array_equal(np.hstack([J.columns(0, 16), J.columns(16, 31)]), J.columns(0, 31))


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (0, 32), (5, 4)])
def test_columns_outside_are_refused(tiny, first, last):
    assert tiny.size == 31
    with pytest.raises(ValueError, match=rf"columns {first}\.\.{last} are not in 0\.\.31"):
        TrainingJacobian(tiny.trajectory(OPTIMIZERS["sgd"])).columns(first, last)


def test_no_steps_is_the_identity(tiny):
    J = TrainingJacobian(tiny.trajectory(OPTIMIZERS["momentum"]), 4, 4)
    np.testing.assert_array_equal(J.columns(0, tiny.size), np.eye(tiny.size))
    np.testing.assert_array_equal(J.T @ np.eye(tiny.size), np.eye(tiny.size))


@pytest.mark.parametrize("hidden", [(), (4,), (4, 5), (3, 2, 4)])
@pytest.mark.parametrize("activation", ["gelu", "tanh", "softplus"])
def test_written_out_tangents_are_those_of_jax(hidden, activation):
    tiny = Tiny(hidden=hidden)
    model = {**tiny.model, "activation": activation}
    ours, outputs = problem.gradient(tiny.shapes, model, tiny.loss), problem.outputs(tiny.shapes, model)
    theirs = jax.grad(lambda theta, x, y: tiny.loss.value(outputs(theta, x), y))
    tangents = jnp.asarray(np.random.default_rng(2).standard_normal((6, tiny.size)))

    def products(gradient):
        along = lambda v: jax.jvp(lambda theta: gradient(theta, tiny.inputs, tiny.labels), (tiny.theta,), (v,))
        return jax.jit(lambda: (*jax.vmap(along)(tangents), *along(tangents[0])))()

    for one, other in zip(products(ours), products(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
        assert np.abs(other).max() > 1e-2


def test_written_out_tangents_at_several_points():
    """vmap over theta too, as a sweep of trainings does."""
    tiny = Tiny()
    gradient = problem.gradient(tiny.shapes, tiny.model, tiny.loss)
    along = lambda theta, v: jax.jvp(lambda t: gradient(t, tiny.inputs, tiny.labels), (theta,), (v,))[1]
    points = jnp.stack([tiny.theta, 2 * tiny.theta])
    both = jax.jit(jax.vmap(along, in_axes=(0, None)))(points, tiny.theta)
    one = jax.jit(along)
    np.testing.assert_allclose(both, [one(point, tiny.theta) for point in points], rtol=0, atol=1e-12)


def test_float32_stays_float32():
    tiny = Tiny(dtype=np.float32)
    single = tiny.jacobian(OPTIMIZERS["momentum"])
    assert single.dtype == np.float32
    assert (TrainingJacobian(tiny.trajectory(OPTIMIZERS["momentum"])) @ np.ones(tiny.size)).dtype == np.float32
    double = Tiny().jacobian(OPTIMIZERS["momentum"])
    error = np.abs(single - double).max()
    assert 1e-9 < error < 1e-5


def test_pieces_are_chunks_of_columns(tiny):
    J = TrainingJacobian(tiny.trajectory(OPTIMIZERS["sgd"]), chunk=10)
    pieces = list(J.pieces(0, tiny.size))
    assert [piece.shape for piece in pieces] == [(10, 31), (10, 31), (10, 31), (1, 31)]
    np.testing.assert_array_equal(np.vstack(pieces).T, J.columns(0, 31))
