"""What jobs need, against what they took and hold."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sized import LENET, MNIST, PARTIAL, needs
from training_jacobian.jacobian import operator
from training_jacobian.jacobian.trajectory import Trajectory
from training_jacobian.learning import problem, training
from training_jacobian.learning.components import component
from training_jacobian.learning.models import mlp
from training_jacobian.run import MEMORY
from training_jacobian.workflow import times
from training_jacobian.workflow.needs import CACHE, CHUNK, KEPT, SEGMENT, SEGMENT_OF_PRODUCTS

ADAM = {"name": "adam", "learning_rate": 1e-3, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8}
OPTIMIZERS = {
    "sgd": ({"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, None),
    "sgd, clipped": ({"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, 1.0),
    "adamw": ({**ADAM, "name": "adamw", "weight_decay": 0.1}, None),
    "lion": ({"name": "lion", "learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "weight_decay": 0.1}, None),
    "rmsprop": ({"name": "rmsprop", "learning_rate": 0.1, "decay": 0.9, "eps": 1e-8, "momentum": 0.5}, None),
}

PAPER = {"model": {"hidden": [64]}, "training": {"epochs": 25}}
WIDE = {"model": {"hidden": [100]}, "training": {"epochs": 4}, "data": {"test_size": 837}}
WIDER = {"model": {"hidden": [256]}, "training": {"epochs": 4}}
WIDER |= {"svd": {**PARTIAL, "rank": 30, "products": 60, "block": 16}}
# GiB that jobs took, by their logs: `make figures`, `make lenet`, mlp_mnist.yaml, benchmarks/needs.py
MEASURED = [
    (PAPER, {"columns": 0.58, "svd": 1.3, "subspace": 1.4, "angles": 0.9, "identity": 0.6, "behaviour": 0.8}),
    ({**PAPER, "data": {"test_size": 773}}, {"pfj": 2.6, "spectrum": 0.67, "perturbation": 0.68, "jacobian": 0.4}),
    (WIDE, {"columns": 0.38, "jacobian": 0.75, "svd": 2.71, "spectrum": 1.5, "perturbation": 1.19, "train": 0.34}),
    (WIDER, {"train": 0.37, "triplets": 0.53, "density": 0.5, "responses": 0.54}),
    ({"model": {"hidden": [256]}, "training": {"epochs": 25}}, {"columns": 0.75}),
    ({"data": MNIST, "model": {"hidden": [16]}, "training": {"batch_size": 100}}, {"svd": 7.4}),
    (LENET, {"triplets": 3.6}),
]


@pytest.mark.parametrize(("changes", "measured"), MEASURED)
def test_estimates_are_above_what_jobs_took_and_below_twice_that(changes, measured):
    estimates = needs(**changes).memory
    for job, gib in measured.items():
        assert gib <= estimates[job] / 2**30 <= 2 * gib, job


def test_constants_are_those_of_the_modules_that_import_jax():
    assert KEPT == training.KEPT
    assert (CHUNK, CACHE, SEGMENT) == (operator.CHUNK, operator.CACHE, operator.MEMORY)
    assert MEMORY == SEGMENT_OF_PRODUCTS


@pytest.mark.parametrize(("optimizer", "clip_norm"), OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_states_and_linearised_steps_are_as_large_as_they_are(optimizer, clip_norm):
    clip = {"clip_norm": clip_norm} if clip_norm else {}
    estimated = needs(model={"hidden": [32, 16]}, training={"optimizer": optimizer, "batch_size": 16, **clip})
    model = {"name": "mlp", "hidden": [32, 16], "activation": "gelu"}
    gradient = problem.gradient(mlp.shapes(model, 64, 10), model, component("losses", "cross_entropy"))
    gradient = gradient.on(jnp.zeros((16, 64)), jnp.zeros(16, int))
    transformation = training.optimizer(optimizer, {"name": "cosine"}, 4, clip_norm)
    theta = jax.ShapeDtypeStruct((estimated.run.size,), jnp.float64)
    state = training.State(theta, jax.eval_shape(transformation.init, theta))
    stacked = lambda first, last: jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), state)
    made = Trajectory(gradient, transformation, np.zeros((4, 16), np.int32), stacked).linearized_bytes
    held = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    assert estimated.state == pytest.approx(held, rel=1e-3)
    # no more than two vectors of the size of theta above it
    assert made <= 1.01 * estimated.linearized
    assert estimated.linearized <= made + 2 * theta.size * 8


def test_linearised_steps_of_lenet5_are_as_large_as_they_were():
    estimated = needs(**LENET)
    assert estimated.run.size == 61706
    assert estimated.linearized == pytest.approx(14360560, rel=0.03)  # batches of 200 in float32


@pytest.mark.parametrize("hidden", [2, 64, 512, 40000, 999999])
@pytest.mark.parametrize("epochs", [1, 25, 1000])
def test_kept_states_are_those_that_training_keeps(hidden, epochs):
    estimated = needs(model={"hidden": [hidden]}, training={"epochs": epochs})
    assert estimated.every == training.every((estimated.run.steps + 1) * estimated.state, 25)


def test_memory_and_time_grow_as_the_matrices_do():
    small, large = needs(model={"hidden": [64]}), needs(model={"hidden": [512]})
    assert (small.run.size, large.run.size) == (4810, 38410)
    for job, matrices in {"jacobian": 1, "svd": 7, "identity": 3, "spectrum": 2, "pfj": 9, "angles": 4}.items():
        grown = 8 * (38410**2 - 4810**2)
        assert matrices * grown <= large.memory[job] - small.memory[job] <= 1.7 * (matrices + 1) * grown, job
    assert large.disk["jacobian"] == 8 * 38410**2
    assert large.disk["svd"] == 16 * 38410**2
    assert times.limit(small, "svd", 4) == 60
    assert 800 < times.limit(large, "svd", 4) < 1300
    assert times.limit(large, "svd", 1) == pytest.approx(4 * times.limit(large, "svd", 4), rel=0.01)
