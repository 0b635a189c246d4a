"""Training as a map on the extended state, built from the parameters of a run."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.learning import layout, training
from training_jacobian.learning.components import chosen
from training_jacobian.learning.gradient import Gradient
from training_jacobian.learning.layout import Shapes, unflatten
from training_jacobian.learning.precision import in_64_bits
from training_jacobian.learning.whole import PIECE, Whole, doubled, in_pieces

HELD = 2**24  # numbers out of the hidden layers of a piece, at most: a product takes several times as much memory
AT_ONCE = 1000  # examples, when networks are evaluated: memory is its limit
WHAT, FEW = ("inputs", "labels"), 4  # of examples; so many tell whether a function repeats itself


def outputs(shapes: Shapes, model: dict[str, Any]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Function (theta (N,), inputs (n, d)) -> outputs (n, classes) of a model, by its parameters."""
    network = chosen("models", model)
    if hasattr(network, "outputs"):  # its parameters are a pytree of its own
        made: Callable[[jax.Array, jax.Array], jax.Array] = network.outputs(shapes)
        return made
    apply = network.apply
    return lambda theta, inputs: apply(model, unflatten(theta, shapes), inputs)


def gradient(shapes: Shapes, model: dict[str, Any], loss: Any) -> Gradient:
    """Gradient of the mean loss: with tangents written out where model and loss have them, else by jax.grad."""
    written_out = getattr(chosen("models", model), "gradient", None)
    if written_out and hasattr(loss, "slope"):
        made: Gradient = written_out(model, shapes, loss)
        return made
    function = outputs(shapes, model)
    return Gradient(jax.grad(lambda theta, inputs, labels: loss.value(function(theta, inputs), labels)))


class Problem:
    """Training as a map on the extended state, of a run's parameters, by section, and its data."""

    @in_64_bits
    def __init__(self, parameters: dict[str, Any], examples: dict[str, np.ndarray]) -> None:
        self.parameters, self.settings = parameters, parameters["training"]
        self.dtype = np.dtype(self.settings["dtype"])
        self.shapes = layout.shapes_of(parameters["data"], parameters["model"])
        self.loss = chosen("losses", parameters["loss"])
        self.outputs = outputs(self.shapes, parameters["model"])
        self.examples = {name: jnp.asarray(self._typed(values)) for name, values in examples.items()}
        order, count = parameters["order"], len(examples["inputs_train"])
        sizes = self.settings["batch_size"], self.settings["epochs"]
        self.batches: np.ndarray = chosen("orders", order).batches(order, count, *sizes)
        self.optimizer = training.optimizer(
            self.settings["optimizer"], self.settings["schedule"], len(self.batches), self.settings.get("clip_norm")
        )
        self.of_examples = made = gradient(self.shapes, parameters["model"], self.loss)
        self.gradient = made.on(self.examples["inputs_train"], self.examples["labels_train"])
        self.step = training.Step(self.gradient, self.optimizer)

    def _typed(self, values: np.ndarray) -> np.ndarray:
        """Inputs in the dtype of the run; those in bytes, where 255 stands for 1, divided by it."""
        if values.dtype == np.uint8:
            return values.astype(self.dtype) / self.dtype.type(255)
        return values.astype(self.dtype) if values.dtype.kind == "f" else values

    @property
    def size(self) -> int:
        """N, the number of parameters."""
        return layout.size(self.shapes)

    @cached_property
    def learning_rate(self) -> Any:
        """The learning rate, or a function of the step."""
        rate = self.settings["optimizer"]["learning_rate"]
        return training.learning_rate(rate, self.settings["schedule"], len(self.batches))

    @cached_property
    def guess(self) -> float:
        """Loss of a network that knows nothing; of one that says zero, where the loss does not know it by itself."""
        labels, classes = self.examples["labels_train"], chosen("datasets", self.parameters["data"]).CLASSES
        known = None if self.regression else self.loss.guess(classes)
        if known is None:
            with jax.enable_x64(True):
                known = abs(self.loss.value(jnp.zeros((len(labels), classes), self.dtype), labels))
        return float(known)

    @property
    def regression(self) -> bool:
        """Whether labels are targets, not classes."""
        return bool(self.examples["labels_train"].dtype.kind == "f")

    @property
    def classes(self) -> int:
        """Outputs of the network."""
        return int(chosen("datasets", self.parameters["data"]).CLASSES)

    @property
    def _piece(self) -> int:
        """Examples of a piece: fewer than 1000 of a network whose hidden layers are large, as those of images are."""
        work = getattr(chosen("models", self.parameters["model"]), "work", None)
        hidden = sum(work(self.shapes)[1]) if work else 0
        return max(1, min(PIECE, HELD // max(1, hidden)))

    def whole(self, part: str) -> Whole:
        """The loss on all examples of `train` or `test`; what a loss from a file makes of them is not cut in pieces."""
        examples = doubled(tuple(self.examples[f"{what}_{part}"] for what in WHAT))
        stacks = in_pieces(examples, self._piece if hasattr(self.loss, "slope") else len(examples[0]))
        value = lambda theta, piece: self.loss.value(self.outputs(theta, piece[0]), piece[1])
        return Whole(value, lambda theta, piece: self.of_examples(theta, *piece), *stacks)

    @in_64_bits
    def check(self, theta: np.ndarray) -> None:
        """Raise ValueError if a network or a loss from a file gives other numbers when it is called again."""
        network = chosen("models", self.parameters["model"])
        at, examples = jnp.asarray(theta.astype(self.dtype)), [self.examples[f"{what}_train"] for what in WHAT]
        inputs, labels = (each[:FEW] for each in examples)
        if hasattr(network, "must_repeat"):
            network.must_repeat("apply", lambda: self.outputs(at, inputs))
        if hasattr(self.loss, "must_repeat"):
            outputs = self.outputs(at, inputs)
            self.loss.must_repeat("value", lambda: self.loss.value(outputs, labels))

    @in_64_bits
    def start(self, theta: np.ndarray) -> training.State:
        """s_0 from theta_0 (N,)."""
        first = jnp.asarray(theta.astype(self.dtype))
        return training.State(first, self.optimizer.init(first))

    @in_64_bits
    def evaluate(self, theta: jax.Array, part: str) -> tuple[jax.Array, jax.Array]:
        """Loss and accuracy on `train` or `test`, for each of theta (K, N); NaN is the accuracy of a regression."""
        inputs, labels = self.examples[f"inputs_{part}"], self.examples[f"labels_{part}"]
        several = jax.jit(lambda theta, some: jax.lax.map(lambda one: self.outputs(one, some), theta))
        pieces = [several(theta, inputs[first:][:AT_ONCE]) for first in range(0, len(inputs), AT_ONCE)]

        def one(outputs: jax.Array) -> tuple[jax.Array, jax.Array]:
            if self.regression:
                return self.loss.value(outputs, labels), jnp.asarray(jnp.nan, self.dtype)
            return self.loss.value(outputs, labels), (outputs.argmax(-1) == labels).mean(dtype=self.dtype)

        return jax.jit(jax.vmap(one))(jnp.concatenate(pieces, axis=1))


def memory_names(state: training.State) -> list[str]:
    """HDF5 names of the leaves of the optimizer's state, in order, e.g. `optimizer/0.trace`."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(state.optimizer)[0]]
    return ["optimizer/" + jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]
