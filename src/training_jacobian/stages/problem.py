"""Training as a map on the extended state, built from a recipe."""

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import layout, training
from training_jacobian.precision import in_64_bits
from training_jacobian.recipe import Recipe, parameters

AT_ONCE = 1000  # examples, when networks are evaluated: memory is its limit


class Problem:
    """Training as a map on the extended state, of a recipe and its data."""

    @in_64_bits
    def __init__(self, recipe: Recipe, examples: dict[str, np.ndarray]) -> None:
        chosen = parameters(recipe)
        self.settings = chosen["training"]
        self.dtype = np.dtype(self.settings["dtype"])
        self.shapes = layout.shapes_of(chosen["data"], chosen["model"])
        self.logits = training.logits(self.shapes, chosen["model"]["name"], chosen["model"]["activation"])
        self.examples = {name: jnp.asarray(self._typed(values)) for name, values in examples.items()}
        self.batches = training.batches(
            len(examples["inputs_train"]), self.settings["batch_size"], self.settings["epochs"]
        )
        self.optimizer = training.optimizer(
            self.settings["optimizer"], self.settings["schedule"], len(self.batches), self.settings.get("clip_norm")
        )
        gradient = training.gradient(self.shapes, chosen["model"]["name"], chosen["model"]["activation"])
        self.gradient = gradient.on(self.examples["inputs_train"], self.examples["labels_train"])
        self.step = training.Step(self.gradient, self.optimizer)

    def _typed(self, values: np.ndarray) -> np.ndarray:
        """Inputs in the dtype of the run; those in bytes, where 255 stands for 1, divided by it."""
        if values.dtype == np.uint8:
            return values.astype(self.dtype) / self.dtype.type(255)
        return values.astype(self.dtype) if values.dtype.kind == "f" else values

    @in_64_bits
    def start(self, theta: np.ndarray) -> training.State:
        """s_0 from theta_0 (N,)."""
        first = jnp.asarray(theta.astype(self.dtype))
        return training.State(first, self.optimizer.init(first))

    @in_64_bits
    def evaluate(self, theta: jax.Array, part: str) -> tuple[jax.Array, jax.Array]:
        """Loss (nats) and accuracy on `train` or `test`, for each of theta (K, N)."""
        inputs, labels = self.examples[f"inputs_{part}"], self.examples[f"labels_{part}"]
        logits = jax.jit(lambda theta, some: jax.lax.map(lambda one: self.logits(one, some), theta))
        pieces = [logits(theta, inputs[first:][:AT_ONCE]) for first in range(0, len(inputs), AT_ONCE)]

        def one(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
            return training.cross_entropy(logits, labels), (logits.argmax(-1) == labels).mean(dtype=self.dtype)

        return jax.jit(jax.vmap(one))(jnp.concatenate(pieces, axis=1))


def memory_names(state: training.State) -> list[str]:
    """HDF5 names of the leaves of the optimizer's state, in order, e.g. `optimizer/0.trace`."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(state.optimizer)[0]]
    return ["optimizer/" + jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]
