"""Training as a map on the extended state, built from a recipe."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import layout, store, training
from training_jacobian.recipe import Recipe, parameters

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]  # every dtype here is explicit


class Problem:
    """Training as a map on the extended state, of a recipe and its data."""

    def __init__(self, recipe: Recipe, examples: dict[str, np.ndarray]) -> None:
        chosen = parameters(recipe)
        self.settings = chosen["training"]
        self.dtype = np.dtype(self.settings["dtype"])
        self.shapes = layout.shapes_of(chosen["data"], chosen["model"])
        self.logits = training.logits(self.shapes, chosen["model"]["name"], chosen["model"]["activation"])
        self.examples = {
            name: jnp.asarray(values.astype(self.dtype) if values.dtype.kind == "f" else values)
            for name, values in examples.items()
        }
        self.batches = training.batches(
            len(examples["inputs_train"]), self.settings["batch_size"], self.settings["epochs"]
        )
        self.optimizer = training.optimizer(self.settings["optimizer"], self.settings["schedule"], len(self.batches))
        gradient = training.gradient(self.shapes, chosen["model"]["name"], chosen["model"]["activation"])
        inputs, labels = self.examples["inputs_train"], self.examples["labels_train"]
        on_batch = lambda theta, batch: gradient(theta, inputs[batch], labels[batch])
        self.step = training.make_step(on_batch, self.optimizer)

    def start(self, theta: np.ndarray) -> training.State:
        """s_0 from theta_0 (N,)."""
        first = jnp.asarray(theta.astype(self.dtype))
        return training.State(first, self.optimizer.init(first))

    def evaluate(self, theta: jax.Array, part: str) -> tuple[jax.Array, jax.Array]:
        """Loss (nats) and accuracy on `train` or `test`, for each of theta (..., N)."""
        inputs, labels = self.examples[f"inputs_{part}"], self.examples[f"labels_{part}"]

        def one(theta: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = self.logits(theta, inputs)
            return training.cross_entropy(logits, labels), (logits.argmax(-1) == labels).mean(dtype=theta.dtype)

        return jax.jit(jax.vmap(one))(theta)


def memory_names(state: training.State) -> list[str]:
    """HDF5 names of the leaves of the optimizer's state, in order, e.g. `optimizer/0.trace`."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(state.optimizer)[0]]
    return ["optimizer/" + jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]


def read_states(recipe: Recipe, train_file: Path, problem: Problem) -> training.State:
    """The stored states 0..T, stacked: theta (T+1, N) and the optimizer's."""
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"]
    template = problem.start(theta[0])
    names = memory_names(template)
    memory = store.read_hdf5(train_file, recipe, "train", names)
    leaves = [jnp.asarray(memory[name]) for name in names]
    structure = jax.tree.structure(template.optimizer)
    return training.State(jnp.asarray(theta), jax.tree.unflatten(structure, leaves))
