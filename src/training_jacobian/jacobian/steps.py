"""The states of a training, kept at every step or at each k-th, given back in segments, and its steps linearised."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp

from training_jacobian.jacobian.tangents import AnyMap, Linearized, filled, floats
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.learning.layout import Shapes, slices
from training_jacobian.learning.training import State

TOGETHER = 2  # trainings side by side: memory is their limit


class Steps:
    """T steps of training: what is the same for each kind.

    A kind has `batches`, a pytree with first axis T; `rows(a, b)`, which reads the stored states a..b-1 stacked, theta
    flat: row i is s_{i * every}, and `every` divides T; `x64`, JAX's mode in which all of it is computed, whatever
    the session has; `shapes`, the parts of theta, if they are known.  And it says what is below.
    """

    batches: Any
    rows: Callable[[int, int], State]
    every: int
    x64: bool
    shapes: Shapes | None

    @property
    def step(self) -> Callable[[State, Any], State]:
        """The map from state and batch to the next state, theta flat."""
        raise NotImplementedError

    def linearize_all(self, states: State, batches: Any) -> Linearized | AnyMap:
        """The steps at stacked states, linearised."""
        raise NotImplementedError

    def split(self, state: State) -> State:
        """A state as the linearised steps have it."""
        return state

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

    @property
    def end(self) -> State:
        """s_T, theta flat (N,)."""
        with jax.enable_x64(self.x64):
            row = self.steps // self.every
            last: State = jax.tree.map(lambda leaf: leaf[0], self.rows(row, row + 1))
        return last

    @property
    def names(self) -> dict[str, slice]:
        """Where each named part of theta lies in it."""
        return slices(self.shapes or {"theta": self.start.theta.shape})

    def unravel(self, v: Any) -> Any:
        """A vector (N,), such as a direction or a column of J, as the named parts of theta."""
        shapes = self.shapes or {"theta": self.start.theta.shape}
        return {name: v[where].reshape(shapes[name]) for name, where in self.names.items()}

    def embedding(self, extended: bool) -> tuple[int, Callable[[jax.Array], State]]:
        """n, and the linear map from vectors (n,) to tangents of a state as the linearised steps have it.

        Of theta, n = N; with `extended`, of theta and then the other floats of the state, each flat.
        """
        first = self.start
        flat, unravel = jax.flatten_util.ravel_pytree(floats(first))
        still = jax.tree.map(jnp.zeros_like, floats(first))

        def embed(v: jax.Array) -> State:
            whole = unravel(v) if extended else still._replace(theta=v)
            return floats(self.split(filled(whole, first)))

        return len(flat) if extended else len(first.theta), embed

    def ends(self, thetas: Any) -> Any:
        """Where training ends, (K, N), from each of these starting points (K, N), batches and all else the same."""
        with jax.enable_x64(self.x64):
            start, step = self.start, self.step
            one = lambda theta: endpoint(step, start._replace(theta=theta), self.batches).theta
            return jax.jit(lambda thetas: jax.lax.map(one, thetas, batch_size=TOGETHER))(
                jnp.asarray(thetas, start.theta.dtype)
            )

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
    def _linearize(self) -> Callable[[State, Any], Linearized | AnyMap]:
        return jax.jit(self.linearize_all)

    def linearized(self, first: int, last: int) -> Linearized | AnyMap:
        """Steps first..last-1, linearised."""
        with jax.enable_x64(self.x64):
            return self._linearize(self.states(first, last), jax.tree.map(lambda leaf: leaf[first:last], self.batches))

    @cached_property
    def linearized_bytes(self) -> int:
        """Memory of one linearised step."""
        with jax.enable_x64(self.x64):
            one = jax.eval_shape(self._linearize, self.rows(0, 1), jax.tree.map(lambda leaf: leaf[:1], self.batches))
        return max(
            1, sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(one))
        )  # of a constant map, nothing

    def _between(self, stored: State, first: int) -> State:
        """All states from stored ones: each is stepped on until the next."""
        step, count = self.step, len(stored.theta)
        cut = lambda leaf: leaf[first:][: count * self.every].reshape(count, self.every, *leaf.shape[1:])

        @jax.jit
        def run(stored: State, batches: Any) -> State:
            one = lambda now: jax.lax.scan(lambda s, b: (step(s, b), s), *now)[1]
            made: State = jax.lax.map(one, (stored, batches))
            return made

        made = run(stored, jax.tree.map(cut, self.batches))
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), made)
