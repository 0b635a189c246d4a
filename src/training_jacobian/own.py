"""What `run.Run` is to a stored training, for one in memory: the same analyses work on it."""

from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator

from training_jacobian.jacobian.decomposed import TrainingJacobian
from training_jacobian.jacobian.recorded import Training
from training_jacobian.learning.components import component
from training_jacobian.learning.training import State
from training_jacobian.learning.whole import Whole, distinct, in_dtype
from training_jacobian.spectral import svd

NETWORK = "train(..., network=Network(outputs, inputs_train, inputs_test))"
ASKED = {  # what an analysis may ask of a training, and how it is given
    "optimizer": "its loss and its optimizer; make it with `train`, not with `record`",
    "test": "a batch held out; give `train(..., test=...)`",
    "network": f"its outputs; give `{NETWORK}`",
}


def must_have(training: Training, name: str, asks: tuple[str, ...]) -> None:
    """Raise ValueError if a training cannot have the analysis `name`, which asks for these."""
    for each in asks:
        if getattr(training.given, each, None) is None:
            raise ValueError(f"{name} of this training needs {ASKED[each]}")


class OwnProblem:
    """What analyses ask of a training, theta flat (N,), batches by their numbers."""

    def __init__(self, training: Training) -> None:
        self.training, self.given = training, training.given
        self.dtype = np.dtype(training.start.theta.dtype)
        self.shapes, self.batches = training.shapes, np.arange(training.steps)
        self.optimizer = getattr(self.given, "optimizer", None)

    def start(self, theta: Any) -> State:
        """s_0 from theta_0 (N,)."""
        return self.training.start._replace(theta=jnp.asarray(theta, self.dtype))

    def step(self, state: State, number: Any) -> State:
        """The next state."""
        return self.training.step(state, self._batch(number))

    def _batch(self, number: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[number], self.training.batches)

    def gradient(self, theta: Any, number: Any) -> Any:
        """Gradient (N,) of the loss on a batch."""
        loss: Any = self.given
        return jax.grad(lambda theta: loss.loss(self.training.part.unravel(theta), self._batch(number)))(theta)

    def evaluate(self, theta: Any, part: str) -> tuple[Any, Any]:
        """Loss on what is held out, or for `train` the mean over all batches, (K,), of each theta (K, N).

        It is nan where there is none.  And no accuracy: nan.
        """
        none = np.full(len(theta), np.nan)
        if self.given is None or (part == "test" and self.given.test is None):
            return none, none
        loss, unravel = self.given.loss, self.training.part.unravel
        if part == "test":
            one = lambda theta: loss(unravel(theta), self.given.test)
        else:
            one = lambda theta: jax.lax.map(lambda batch: loss(unravel(theta), batch), self.training.batches).mean()
        return np.asarray(jax.jit(lambda all: jax.lax.map(one, all))(theta)), none

    @property
    def classes(self) -> int:
        """Outputs of the network.  Raises ValueError where none was given."""
        if self.network is None:
            raise ValueError(f"the number of classes is not known; give space, or {NETWORK}")
        outputs = partial(self.network.outputs, self.training.initial)
        return int(jax.eval_shape(outputs, self.network.inputs_test).shape[-1])

    def whole(self, part: str, dtype: str = "float64") -> Whole | None:
        """The loss on all batches of `train`, each counted as often as it comes, or on the `test` batch, if any."""
        given: Any = self.given
        batches = self.training.batches if part == "train" else given.test
        if batches is None:
            return None
        value = lambda theta, batch: given.loss(self.training.part.unravel(theta, cast=False), batch)
        one = batches if part == "train" else jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], batches)
        stack, weights = distinct(one)
        return Whole(value, jax.grad(value), (in_dtype(stack, dtype),), (weights,), dtype)

    @property
    def network(self) -> Any:
        """The network that was given."""
        return self.given and self.given.network

    @property
    def examples(self) -> dict[str, Any]:
        """Inputs by part."""
        return {"inputs_train": self.network.inputs_train, "inputs_test": self.network.inputs_test}

    @property
    def loss(self) -> ModuleType:
        """How networks are compared."""
        return component("losses", self.network.loss)

    def outputs(self, theta: Any, inputs: Any) -> Any:
        """Outputs (n, classes) of inputs (n, ...), in the dtype of theta (N,)."""
        return self.network.outputs(self.training.part.unravel(theta, cast=False), inputs)


class OwnRun:
    """A training in memory, for analyses; `results(name)` are the files, by name, of an analysis that one comes after.

    `parameters` has the settings of those.
    """

    folder = None

    def __init__(
        self, training: Training, parameters: dict[str, Any], results: Callable[[str], dict[str, Any]]
    ) -> None:
        self.training, self.results = training, results
        self.parameters = {"training": {"dtype": str(training.start.theta.dtype)}, **parameters}

    @cached_property
    def problem(self) -> OwnProblem:
        """The training as a map."""
        return OwnProblem(self.training)

    @property
    def theta(self) -> np.ndarray:
        """States of theta that are kept (T / k + 1, N), the first and the last among them."""
        return np.asarray(self.training.rows(0, self.training.steps // self.training.every + 1).theta)

    def trajectory(self) -> Training:
        """The training."""
        return self.training

    def jacobian(self) -> TrainingJacobian:
        """J (N, N) as an operator."""
        return TrainingJacobian(self.training)

    def remembered(self, operator: LinearOperator, name: str) -> LinearOperator:
        """The operator: nothing is kept on disk."""
        return operator

    @property
    def inputs(self) -> np.ndarray:
        """Empty: no closed form of the exact bulk asks for them."""
        return np.empty((0, 0))

    def read(self, stage: str, names: list[str] | None = None, file: str = "") -> dict[str, Any]:
        """Arrays, all or `names`, of an earlier stage or analysis, which is computed if it is not there yet."""
        of_stages = {"train": self._ends, "jacobian": self._jacobian, "svd": self._svd}
        if stage in of_stages:
            made = of_stages[stage]()
        else:
            files = self.results(stage)
            made = files[file or f"{stage}.h5"]
        return {name: made[name] for name in names if name in made} if names else made

    def _ends(self) -> dict[str, Any]:
        """Losses at the end, where they are known."""
        given, last = self.training.given, self.training.final
        if given is None:
            return {}
        mean = jax.jit(lambda params, all: jax.lax.map(lambda batch: given.loss(params, batch), all).mean())
        made = {"epochs/train_loss": np.array([mean(last, self.training.batches)])}
        return made if given.test is None else made | {"epochs/test_loss": np.array([given.loss(last, given.test)])}

    def _jacobian(self) -> dict[str, Any]:
        if "jacobian" not in self.training.kept:
            self.training.kept["jacobian"] = {"J": self.jacobian().dense()}
        made: dict[str, Any] = self.training.kept["jacobian"]
        return made

    def _svd(self) -> dict[str, Any]:
        if "svd" not in self.training.kept:
            self.training.kept["svd"] = svd.decompose(self._jacobian()["J"])
        made: dict[str, Any] = self.training.kept["svd"]
        return made
