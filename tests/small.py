"""Runs of a few parameters as analyses see stored ones, and the dense Hessian of their loss, by jax alone."""

from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning.layout import slices
from training_jacobian.learning.problem import Problem
from training_jacobian.spectral import svd

SGD = {"name": "sgd", "learning_rate": 0.1}
ADAM = {"name": "adam", "learning_rate": 0.01, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8}


class Small:
    """Random images of 64 pixels in 10 classes; a network on them; `every` and `dtype` as of a run."""

    def __init__(
        self, hidden=(2,), examples=40, batch=8, epochs=3, optimizer=SGD, schedule="constant", every=1,
        dtype="float64", loss="cross_entropy", model=None, inputs=64, targets=False, seed=0,
    ):  # fmt: skip
        random, self.every = np.random.default_rng(seed), every
        self.parameters = {
            "data": {"name": "digits" if inputs == 64 else "mnist"},
            "model": model or {"name": "mlp", "hidden": list(hidden), "activation": "gelu"},
            "loss": {"name": loss},
            "order": {"name": "stored"},
            "training": {
                **{"optimizer": optimizer, "schedule": {"name": schedule}},
                **{"epochs": epochs, "batch_size": batch, "dtype": dtype},
            },
        }
        data = {}
        for part, count in (("train", examples), ("test", 9)):
            data[f"inputs_{part}"] = random.standard_normal((count, inputs))
            labels = random.standard_normal((count, 10)) if targets else random.integers(0, 10, count)
            data[f"labels_{part}"] = labels
        self.problem = self._problem(data)
        self.inputs, self.folder = np.asarray(data["inputs_train"]), None
        self.first = 0.4 * random.standard_normal(self.problem.size)

    def _problem(self, data):
        return Problem(self.parameters, data)

    @cached_property
    def _trajectory(self):
        problem = self.problem
        return trajectory.in_memory(
            problem.gradient, problem.optimizer, problem.start(self.first), jnp.asarray(problem.batches), self.every
        )

    def trajectory(self):
        return self._trajectory

    @property
    def theta(self):
        return np.asarray(self._trajectory.rows(0, self._trajectory.steps // self.every + 1).theta)

    @cached_property
    def jacobian(self):
        return np.asarray(TrainingJacobian(self._trajectory).columns(0, self.problem.size), np.float64)

    @cached_property
    def _svd(self):
        return svd.decompose(self.jacobian)

    def read(self, stage, names=None, file=""):
        assert stage == "svd"
        return {name: self._svd[name].copy() for name in names or self._svd}

    def at(self, step):
        """theta (N,) there, in float64, by stepping on from the start, a step at a time."""
        state, take = self.problem.start(self.first), jax.jit(self.problem.step)
        for batch in self.problem.batches[:step]:
            state = take(state, batch)
        return np.asarray(state.theta, np.float64)

    def loss_of(self, part="train", batch=None):
        """The mean loss on a whole part, or on a batch, a function of theta: no pieces, no tangents written out."""
        problem = self.problem
        inputs, labels = (problem.examples[f"{what}_{part}"] for what in ("inputs", "labels"))
        if inputs.dtype.kind == "f":
            inputs = inputs.astype(jnp.float64)
        labels = labels.astype(jnp.float64) if labels.dtype.kind == "f" else labels
        if batch is not None:
            inputs, labels = inputs[batch], labels[batch]
        return lambda theta: problem.loss.value(problem.outputs(theta, inputs), labels)

    def dense(self, theta, part="train", batch=None):
        """H (N, N)."""
        return np.asarray(jax.jit(jax.hessian(self.loss_of(part, batch)))(jnp.asarray(theta, jnp.float64)))

    def slope(self, theta, part="train"):
        """g (N,)."""
        return np.asarray(jax.jit(jax.grad(self.loss_of(part)))(jnp.asarray(theta, jnp.float64)))

    @property
    def names(self):
        return slices(self.problem.shapes)
