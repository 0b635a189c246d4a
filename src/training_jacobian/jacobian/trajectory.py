"""The states of a training, kept at every step or at each k-th, given back in segments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import optax

from training_jacobian.jacobian import tangents
from training_jacobian.jacobian.tangents import Linearized
from training_jacobian.learning import training
from training_jacobian.learning.gradient import Gradient
from training_jacobian.learning.precision import in_64_bits, x64_now
from training_jacobian.learning.training import State, Step


@dataclass(frozen=True)
class Trajectory:
    """T steps of training: the map, its batches, and its states.

    `gradient` is a function of theta and one of `batches`, a pytree with first axis T.  `rows(a, b)` reads the stored
    states a..b-1 stacked, theta flat; row i is s_{i * every}, and `every` divides T.
    `x64` is JAX's mode in which all of it is computed, whatever the session has.  `remake`, a function and its
    arguments, makes the same trajectory in another process.
    """

    gradient: Gradient
    optimizer: optax.GradientTransformation
    batches: Any
    rows: Callable[[int, int], State]
    every: int = 1
    x64: bool = field(default_factory=x64_now)
    remake: tuple[Callable[..., "Trajectory"], tuple[Any, ...]] | None = None

    def __reduce__(self) -> Any:
        if self.remake is None:
            raise TypeError(
                "a training made in memory cannot be pickled: its gradient and optimizer are functions of this "
                "process; make it again in the other one, or train in the workflow and use session.trajectory"
            )
        return self.remake

    @cached_property
    def steps(self) -> int:
        """T, the number of steps."""
        return len(jax.tree.leaves(self.batches)[0])

    @cached_property
    def start(self) -> State:
        """s_0, theta flat (N,)."""
        with jax.enable_x64(self.x64):
            first: State = jax.tree.map(lambda leaf: leaf[0], self.rows(0, 1))
        return first

    def states(self, first: int, last: int) -> State:
        """s_first..s_{last-1} stacked, theta flat (last - first, N); what is not stored is computed again."""
        with jax.enable_x64(self.x64):
            return self._states(first, last)

    def _states(self, first: int, last: int) -> State:
        if self.every == 1:
            return self.rows(first, last)
        row, end = first // self.every, -(-last // self.every)
        stored = self._between(self.rows(row, end), row * self.every)
        first -= row * self.every
        cut: State = jax.tree.map(lambda leaf: leaf[first:][: last - row * self.every - first], stored)
        return cut

    @cached_property
    def _linearize(self) -> Callable[[State, Any], Linearized]:
        step = Step(self.gradient.of_parts, self.optimizer)

        @jax.jit
        def linearize(states: State, batches: Any) -> Linearized:
            return tangents.linearize(step, training.in_parts(states, self.gradient, self.optimizer), batches)

        return linearize

    def linearized(self, first: int, last: int) -> Linearized:
        """Steps first..last-1, linearised, theta in parts."""
        with jax.enable_x64(self.x64):
            return self._linearize(self.states(first, last), jax.tree.map(lambda leaf: leaf[first:last], self.batches))

    @cached_property
    def linearized_bytes(self) -> int:
        """Memory of one linearised step."""
        with jax.enable_x64(self.x64):
            one = jax.eval_shape(self._linearize, self.rows(0, 1), jax.tree.map(lambda leaf: leaf[:1], self.batches))
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(one))

    def _between(self, stored: State, first: int) -> State:
        """All states from stored ones: each is stepped on until the next."""
        step, count = Step(self.gradient, self.optimizer), len(stored.theta)
        cut = lambda leaf: leaf[first:][: count * self.every].reshape(count, self.every, *leaf.shape[1:])

        @jax.jit
        def run(stored: State, batches: Any) -> State:
            one = lambda now: jax.lax.scan(lambda s, b: (step(s, b), s), *now)[1]
            made: State = jax.lax.map(one, (stored, batches))
            return made

        made = run(stored, jax.tree.map(cut, self.batches))
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), made)


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
) -> Trajectory:
    """A training whose states are stored: `kept[a:b]` reads the leaves of states a..b-1, in the order of `start`'s."""
    structure = jax.tree.structure(start)

    @in_64_bits
    def rows(first: int, last: int) -> State:
        state: State = jax.tree.unflatten(structure, map(jnp.asarray, kept[first:last]))
        return state

    every = len(batches) // (len(kept) - 1)
    return Trajectory(gradient, optimizer, jnp.asarray(batches), rows, every, remake=remake)
