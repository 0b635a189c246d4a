"""A training by an optimizer along a gradient: in memory, or stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import optax

from training_jacobian.jacobian import tangents
from training_jacobian.jacobian.steps import Steps
from training_jacobian.jacobian.tangents import Linearized
from training_jacobian.learning import training
from training_jacobian.learning.gradient import Gradient
from training_jacobian.learning.layout import Shapes
from training_jacobian.learning.precision import in_64_bits, x64_now
from training_jacobian.learning.training import State, Step


@dataclass(frozen=True)
class Trajectory(Steps):
    """T steps of an optimizer along `gradient`, a function of theta and one of `batches`; the rest as in `Steps`.

    `remake`, a function and its arguments, makes the same trajectory in another process.
    """

    gradient: Gradient
    optimizer: optax.GradientTransformation
    batches: Any
    rows: Callable[[int, int], State]
    every: int = 1
    x64: bool = field(default_factory=x64_now)
    remake: tuple[Callable[..., "Trajectory"], tuple[Any, ...]] | None = None
    shapes: Shapes | None = None

    def __reduce__(self) -> Any:
        if self.remake is None:
            raise TypeError(
                "a training made in memory cannot be pickled: its gradient and optimizer are functions of this "
                "process; make it again in the other one, or train in the workflow and use session.trajectory"
            )
        return self.remake

    @property
    def step(self) -> Step:
        """The map from state and batch to the next state, theta flat."""
        return Step(self.gradient, self.optimizer)

    def split(self, state: State) -> State:
        """A state, or states stacked, with theta in parts."""
        return training.in_parts(state, self.gradient, self.optimizer)

    def linearize_all(self, states: State, batches: Any) -> Linearized:
        """The steps at stacked states, linearised, theta in parts."""
        return tangents.linearize(Step(self.gradient.of_parts, self.optimizer), self.split(states), batches)


def in_memory(
    gradient: Gradient, optimizer: optax.GradientTransformation, start: State, batches: Any, every: int = 1
) -> Trajectory:
    """Train from `start`, theta flat (N,), keeping the states of each k-th step; `every` must divide T."""
    states = training.trajectory(Step(gradient, optimizer), start, batches, every)
    rows = lambda first, last: jax.tree.map(lambda leaf: leaf[first:last], states)
    return Trajectory(gradient, optimizer, batches, rows, every)


@in_64_bits
def stored(
    gradient: Gradient,
    optimizer: optax.GradientTransformation,
    start: State,
    batches: Any,
    kept: Any,
    remake: tuple[Callable[..., Trajectory], tuple[Any, ...]] | None = None,
    shapes: Shapes | None = None,
) -> Trajectory:
    """A training whose states are stored: `kept[a:b]` reads the leaves of states a..b-1, in the order of `start`'s."""
    structure = jax.tree.structure(start)

    @in_64_bits
    def rows(first: int, last: int) -> State:
        state: State = jax.tree.unflatten(structure, map(jnp.asarray, kept[first:last]))
        return state

    every = len(batches) // (len(kept) - 1)
    return Trajectory(gradient, optimizer, jnp.asarray(batches), rows, every, remake=remake, shapes=shapes)
