"""A training of one's own: any map on any pytree, recorded, and the leaf or subtree of it that J is of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian import tangents
from training_jacobian.jacobian.steps import Steps
from training_jacobian.jacobian.tangents import AnyMap
from training_jacobian.learning.layout import Shapes
from training_jacobian.learning.precision import x64_now
from training_jacobian.learning.training import State

Map = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Part:
    """What of a state, a pytree, J is of: the leaves with these numbers; `tree` is how they hang together."""

    structure: Any
    numbers: tuple[int, ...]
    tree: Any
    avals: tuple[Any, ...]

    def divided(self, state: Any) -> State:
        """A state as theta (N,), these leaves in a row, and the tuple of the others."""
        leaves = jax.tree.leaves(state)
        theta = jax.flatten_util.ravel_pytree([leaves[i] for i in self.numbers])[0]
        return State(theta, tuple(leaf for i, leaf in enumerate(leaves) if i not in self.numbers))

    def unravel(self, theta: Any, cast: bool = True) -> Any:
        """These leaves of theta (N,) as they hang together, each in its shape and, unless `cast` is off, its dtype."""
        pieces = jnp.split(theta, np.cumsum([aval.size for aval in self.avals])[:-1])
        shaped = [piece.reshape(aval.shape) for piece, aval in zip(pieces, self.avals, strict=True)]
        leaves = [leaf.astype(aval.dtype) for leaf, aval in zip(shaped, self.avals, strict=True)] if cast else shaped
        return jax.tree.unflatten(self.tree, leaves)

    def joined(self, state: State) -> Any:
        """The state as the user has it."""
        others, own = iter(state.optimizer), iter(jax.tree.leaves(self.unravel(state.theta)))
        both = [next(own) if i in self.numbers else next(others) for i in range(self.structure.num_leaves)]
        return jax.tree.unflatten(self.structure, both)


@dataclass(frozen=True)
class Network:
    """What a network says: `outputs(params, inputs) -> (n, classes)`, and the inputs it is looked at with.

    `loss` names how two networks are compared: `cross_entropy` by their log-probabilities, `mse` by outputs.
    """

    outputs: Callable[[Any, Any], Any]
    inputs_train: Any
    inputs_test: Any
    loss: str = "cross_entropy"


@dataclass(frozen=True)
class Given:
    """What `train` was given, for analyses."""

    loss: Callable[[Any, Any], Any]
    optimizer: Any
    test: Any = None
    network: Network | None = None


@dataclass(frozen=True)
class Training(Steps):
    """T steps of a map on a pytree: what `train` and `record` make.  `TrainingJacobian(training)` is its J.

    `own` maps the user's state and batch to the next state.
    """

    own: Map
    part: Part
    batches: Any
    rows: Callable[[int, int], State]
    shapes: Shapes
    every: int = 1
    x64: bool = field(default_factory=x64_now)
    given: Given | None = None
    kept: dict[Any, Any] = field(default_factory=dict)  # what analyses have made of it

    @property
    def step(self) -> Callable[[State, Any], State]:
        """The map from state and batch to the next state, theta flat."""
        return divided_step(self.own, self.part)

    def linearize_all(self, states: State, batches: Any) -> AnyMap:
        """The steps at stacked states, linearised."""
        return tangents.linearize_map(self.step, states, batches)

    def unravel(self, v: Any) -> Any:
        """A vector (N,), such as a direction or a column of J, as the pytree that J is of."""
        with jax.enable_x64(self.x64):
            return self.part.unravel(jnp.asarray(v, self.start.theta.dtype))

    @property
    def initial(self) -> Any:
        """What J is of, before the first step."""
        return self.unravel(self.start.theta)

    @property
    def final(self) -> Any:
        """What J is of, after the last step."""
        return self.unravel(self.end.theta)


def divided_step(own: Map, part: Part) -> Callable[[State, Any], State]:
    """A user's step on divided states."""
    return lambda state, batch: part.divided(own(part.joined(state), batch))
