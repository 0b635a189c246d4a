"""Trainings of one's own in a Python session: J of any network, optimizer and step, against jax.jacfwd of the whole."""

import equinox
import flax.linen
import flax.nnx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj

STEPS, BATCH, CLASSES = 3, 6, 3
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((STEPS, BATCH, 4))
IMAGES = RANDOM.standard_normal((STEPS, BATCH, 6, 6, 1))
LABELS = RANDOM.integers(0, CLASSES, (STEPS, BATCH))
TARGETS = RANDOM.standard_normal((STEPS, BATCH, 2))
SGD = optax.sgd(0.3, momentum=0.9)


def cross_entropy(outputs, labels):
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()


def squared(outputs, targets):
    return ((outputs - targets) ** 2).mean()


class Linen(flax.linen.Module):
    """A conv net: convolution, pooling, dense."""

    @flax.linen.compact
    def __call__(self, x):
        x = flax.linen.Conv(2, (3, 3), param_dtype=jnp.float64)(x)
        x = flax.linen.avg_pool(jax.nn.gelu(x), (2, 2), strides=(2, 2))
        return flax.linen.Dense(CLASSES, param_dtype=jnp.float64)(x.reshape(len(x), -1))


class Attention(flax.linen.Module):
    """A tiny attention block on rows as four tokens."""

    @flax.linen.compact
    def __call__(self, x):
        tokens = flax.linen.Dense(4, param_dtype=jnp.float64)(x[..., None])
        mixed = flax.linen.MultiHeadDotProductAttention(2, param_dtype=jnp.float64)(tokens, tokens)
        mixed = flax.linen.LayerNorm(param_dtype=jnp.float64)(mixed + tokens)
        return flax.linen.Dense(2, param_dtype=jnp.float64)(mixed.mean(axis=1))


def nested_dict():
    w = {"first": {"w": RANDOM.standard_normal((4, 5)) / 2, "b": np.zeros(5)}, "last": [RANDOM.standard_normal((5, 3))]}
    return w, lambda p, x: jnp.tanh(x @ p["first"]["w"] + p["first"]["b"]) @ p["last"][0]


def linen():
    made = Linen()
    return made.init(jax.random.key(0), IMAGES[0]), made.apply


def attention():
    made = Attention()
    return made.init(jax.random.key(0), ROWS[0]), made.apply


def nnx():
    keys = flax.nnx.Rngs(0)
    layers = [flax.nnx.Linear(4, 5, rngs=keys, param_dtype=jnp.float64), jnp.tanh]
    made = flax.nnx.Sequential(*layers, flax.nnx.Linear(5, CLASSES, rngs=keys, param_dtype=jnp.float64))
    graph, state = flax.nnx.split(made)
    return state, lambda state, x: flax.nnx.merge(graph, state)(x)


def eqx():
    made = equinox.nn.MLP(4, CLASSES, 5, 1, activation=jnp.tanh, key=jax.random.key(0))
    params, static = equinox.partition(made, equinox.is_inexact_array)
    return params, lambda params, x: jax.vmap(equinox.combine(params, static))(x)


NETWORKS = {
    "nested dict": (nested_dict, ROWS, LABELS, cross_entropy),
    "Flax linen, convolutions": (linen, IMAGES, LABELS, cross_entropy),
    "Flax linen, attention, regression": (attention, ROWS, TARGETS, squared),
    "Flax nnx": (nnx, ROWS, LABELS, cross_entropy),
    "Equinox": (eqx, ROWS, LABELS, cross_entropy),
}


def row(batches, t):
    """The batch of a step."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[t], batches)


def whole(loss, optimizer, params, batches):
    """Function theta_0 -> theta_T, written for this test with optax alone; theta_0; and how it hangs together."""
    flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, params))

    step = jax.jit(lambda at, memory, batch: optimizer.update(jax.grad(loss)(at, batch), memory, at))

    def train(theta):
        at, memory = unravel(theta), optimizer.init(unravel(theta))
        for t in range(STEPS):
            updates, memory = step(at, memory, row(batches, t))
            at = optax.apply_updates(at, updates)
        return jax.flatten_util.ravel_pytree(at)[0]

    return train, flat, unravel


def compare(J, train, flat, seed=0):
    """J, and its adjoint, against jax.jacfwd and jax.jacrev of the whole training."""
    truth = np.asarray(jax.jit(jax.jacfwd(train))(flat))
    assert np.abs(truth - np.eye(len(flat))).max() > 1e-3  # training does something
    assert np.abs(J.dense() - truth).max() <= 1e-12 * max(1, np.abs(truth).max())
    u, v = np.random.default_rng(seed).standard_normal((2, len(flat)))
    assert abs((J.T @ u) @ v - u @ (J @ v)) <= 1e-12 * np.linalg.norm(u) * np.linalg.norm(J @ v)
    assert np.abs(J.T @ u - truth.T @ u).max() <= 1e-12 * np.linalg.norm(truth.T @ u)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    make, inputs, labels, measure = NETWORKS[name]
    params, apply = make()
    loss = lambda params, batch: measure(apply(params, batch[0]), batch[1])
    training = tj.train(loss, params, SGD, (inputs, labels))
    J = tj.TrainingJacobian(training)
    train, flat, _ = whole(loss, SGD, params, (inputs, labels))
    compare(J, train, flat)
    final = jax.flatten_util.ravel_pytree(training.final)[0]
    assert np.abs(np.asarray(final) - np.asarray(train(flat))).max() <= 1e-12
    assert jax.tree.structure(training.final) == jax.tree.structure(jax.tree.map(jnp.asarray, params))


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.adam(0.01, eps_root=1e-8),
        optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.01, eps_root=1e-8)),
        optax.adafactor(0.01),
        optax.contrib.muon(0.01),
        optax.sgd(optax.cosine_decay_schedule(0.3, STEPS), nesterov=True, momentum=0.5),
        optax.masked(optax.sgd(0.3), {"first": {"w": True, "b": False}, "last": [True]}),
    ],
    ids=["adam", "clipped adamw", "adafactor", "muon", "schedule", "masked"],
)
def test_optimizers_see_the_parameters_as_they_are(optimizer):
    params, apply = nested_dict()
    loss = lambda params, batch: cross_entropy(apply(params, batch[0]), batch[1])
    J = tj.TrainingJacobian(tj.train(loss, params, optimizer, (ROWS, LABELS)))
    train, flat, _ = whole(loss, optimizer, params, (ROWS, LABELS))
    compare(J, train, flat)


def test_an_optimizer_that_asks_for_the_value_of_the_loss():
    params, apply = nested_dict()
    loss = lambda params, batch: cross_entropy(apply(params, batch[0]), batch[1])
    training = tj.train(loss, params, optax.polyak_sgd(max_learning_rate=0.1), (ROWS, LABELS))
    assert tj.check(training).error < 1e-6


def test_names_and_directions_as_the_parameters_are():
    params, apply = nested_dict()
    loss = lambda params, batch: cross_entropy(apply(params, batch[0]), batch[1])
    training = tj.train(loss, params, SGD, [(x, y) for x, y in zip(ROWS, LABELS, strict=True)])
    J = tj.TrainingJacobian(training)
    assert J.names == {"first.b": slice(0, 5), "first.w": slice(5, 25), "last.0": slice(25, 40)}
    U, S, Vt = J.svd()
    assert np.abs(U * S @ Vt - J.dense()).max() < 1e-12
    direction = J.unravel(Vt[0])
    assert jax.tree.structure(direction) == jax.tree.structure(params)
    assert np.array_equal(np.asarray(direction["first"]["w"]).ravel(), Vt[0, J.names["first.w"]])
    top = J.partial_svd(3, tolerance=1e-9)
    assert np.allclose(top.S, S[:3], rtol=0, atol=top.bound.max() + 1e-12)
    with pytest.raises(ValueError, match=r"v has shape \(3,\); give \(40,\)"):
        J.unravel(np.zeros(3))
    assert np.allclose(J.snapshots(Vt[0], [STEPS])[STEPS], S[0] * U[:, 0])


class Loop:
    """A loop of one's own: momentum by hand, noise on the inputs by a key in the batch, a count of steps."""

    @staticmethod
    def step(state, batch):
        x, y, key = batch
        x = x + 0.1 * jax.random.normal(key, x.shape, x.dtype)
        slope = jax.grad(lambda w: cross_entropy(jnp.tanh(x @ w["a"]) @ w["b"], y))(state["weights"])
        memory = jax.tree.map(lambda m, g: 0.9 * m + g, state["memory"], slope)
        weights = jax.tree.map(lambda w, m: w - 0.3 * m, state["weights"], memory)
        return {"weights": weights, "memory": memory, "count": state["count"] + 1}

    @staticmethod
    def start():
        weights = {"a": RANDOM.standard_normal((4, 5)), "b": RANDOM.standard_normal((5, 3))}
        return {"weights": weights, "memory": jax.tree.map(np.zeros_like, weights), "count": 0}


BATCHES = (ROWS, LABELS, jax.random.split(jax.random.key(1), STEPS))


@pytest.mark.parametrize(
    ("wrt", "size"),
    [("weights", 35), (lambda s: s["weights"]["b"], 15), ("weights.a", 20), (None, 70), (lambda s: s["memory"], 35)],
    ids=["by path", "a leaf by a function", "a leaf by path", "all floats", "the memory"],
)
def test_a_loop_of_ones_own(wrt, size):
    state = Loop.start()
    J = tj.TrainingJacobian(tj.record(Loop.step, state, BATCHES, wrt=wrt))
    assert J.shape == (size, size)
    state = jax.tree.map(jnp.asarray, state)
    pick = {"weights": lambda s: s["weights"], "weights.a": lambda s: s["weights"]["a"], None: lambda s: s}
    pick = wrt if callable(wrt) else pick[wrt]
    floats = lambda tree: [leaf for leaf in jax.tree.leaves(tree) if leaf.dtype == jnp.float64]
    flat, unravel = jax.flatten_util.ravel_pytree(floats(pick(state)))
    numbers = [id(leaf) for leaf in floats(pick(state))]
    places = [i for i, leaf in enumerate(jax.tree.leaves(state)) if id(leaf) in numbers]

    def train(theta):
        leaves, structure = jax.tree.flatten(state)
        for i, leaf in zip(places, unravel(theta), strict=True):
            leaves[i] = leaf
        now = jax.tree.unflatten(structure, leaves)
        for t in range(STEPS):
            now = Loop.step(now, row(BATCHES, t))
        return jax.flatten_util.ravel_pytree([jax.tree.leaves(now)[i] for i in places])[0]

    compare(J, train, flat)


def test_a_session_in_32_bits_keeps_its_dtypes():
    params, apply = nested_dict()
    with jax.enable_x64(False):
        single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
        loss = lambda params, batch: cross_entropy(apply(params, batch[0]), batch[1])
        training = tj.train(loss, single, SGD, (ROWS.astype(np.float32), LABELS))
    J = tj.TrainingJacobian(training)  # in a session that has 64 bits again
    assert J.dtype == np.float32
    double = tj.TrainingJacobian(tj.train(loss, params, SGD, (ROWS, LABELS))).dense()
    assert 1e-9 < np.abs(J.dense() - double).max() < 1e-4


def test_mixed_dtypes():
    params, apply = nested_dict()
    mixed = params | {"first": {"w": params["first"]["w"].astype(np.float32), "b": params["first"]["b"]}}
    loss = lambda params, batch: cross_entropy(apply(params, batch[0]), batch[1])
    J = tj.TrainingJacobian(tj.train(loss, mixed, SGD, (ROWS, LABELS)))
    double = tj.TrainingJacobian(tj.train(loss, params, SGD, (ROWS, LABELS))).dense()
    assert J.dtype == np.float64
    assert 0 < np.abs(J.dense() - double).max() < 1e-5


def test_scalars_and_empty_subtrees():
    params = {"scale": 2.0, "nothing": {}, "none": None, "w": RANDOM.standard_normal((4, 3)), "empty": np.zeros((0, 3))}
    loss = lambda p, batch: cross_entropy(jnp.tanh(p["scale"] * batch[0] @ p["w"]), batch[1])
    J = tj.TrainingJacobian(tj.train(loss, params, SGD, (ROWS, LABELS)))
    train, flat, _ = whole(loss, SGD, params, (ROWS, LABELS))
    compare(J, train, flat)
    assert list(J.names) == ["empty", "scale", "w"]
