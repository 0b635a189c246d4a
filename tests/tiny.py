"""Networks so small that J is computed in a second, for tests of the numerics."""

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import problem, training
from training_jacobian.learning.components import component
from training_jacobian.learning.gradient import Gradient
from training_jacobian.learning.models import mlp
from training_jacobian.learning.orders import stored


class Tiny:
    """Networks of a few parameters on random data, trained for a few steps."""

    def __init__(
        self, hidden=(4,), inputs=3, classes=3, examples=12, batch=4, epochs=3, dtype=np.float64, loss="cross_entropy"
    ):
        random = np.random.default_rng(0)
        self.model, self.loss = {"name": "mlp", "hidden": hidden, "activation": "gelu"}, component("losses", loss)
        self.shapes = mlp.shapes(self.model, inputs, classes)
        self.inputs = jnp.asarray(random.standard_normal((examples, inputs)).astype(dtype))
        self.labels = jnp.asarray(random.integers(0, classes, examples))
        self.batches = jnp.asarray(stored.batches({}, examples, batch, epochs))
        self.size = sum(int(np.prod(shape)) for shape in self.shapes.values())
        self.theta = jnp.asarray((0.5 * random.standard_normal(self.size)).astype(dtype))

    def gradient(self, written_out=True):
        """Of theta and a batch; with the model's own tangents, or those of jax."""
        gradient, outputs = (
            problem.gradient(self.shapes, self.model, self.loss),
            problem.outputs(self.shapes, self.model),
        )
        if not written_out:
            gradient = Gradient(jax.grad(lambda theta, x, y: self.loss.value(outputs(theta, x), y)))
        return gradient.on(self.inputs, self.labels)

    def trajectory(self, optimizer, theta=None, every=1, written_out=True):
        theta = self.theta if theta is None else theta
        start = training.State(theta, optimizer.init(theta))
        return trajectory.in_memory(self.gradient(written_out), optimizer, start, self.batches, every)

    def end(self, optimizer, theta=None):
        """The last theta."""
        return self.trajectory(optimizer, theta).rows(0, len(self.batches) + 1).theta[-1]

    def jacobian(self, optimizer):
        """J (N, N)."""
        return TrainingJacobian(self.trajectory(optimizer)).columns(0, self.size)
