"""Training as a map: T deterministic optimizer steps on the extended state (theta, optimizer state)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from training_jacobian.learning import components
from training_jacobian.learning.gradient import Gradient

KEPT = 2**30  # bytes of states in a file


class State(NamedTuple):
    """What one step maps to the next: theta and whatever the optimizer remembers, e.g. momentum of the same kind.

    Theta is flat (N,), or a pytree of parts.
    """

    theta: Any
    optimizer: Any


def optimizer(
    chosen: dict[str, Any], schedule: dict[str, Any], steps: int, clip_norm: float | None = None
) -> optax.GradientTransformation:
    """The optax optimizer of `chosen`, its name and parameters, with the learning rate that a schedule makes of it.

    Gradients longer than `clip_norm` are scaled to it before anything.
    """
    rest = {name: value for name, value in chosen.items() if name not in ("name", "learning_rate")}
    made = components.chosen("optimizers", chosen).make(rest, learning_rate(chosen["learning_rate"], schedule, steps))
    return optax.chain(clip(clip_norm), made) if clip_norm else made


def learning_rate(rate: float, schedule: dict[str, Any], steps: int) -> Any:
    """The rate of all steps, or a function of the step."""
    return components.chosen("schedules", schedule).rate(schedule, rate, steps)


def clip(norm: float) -> optax.GradientTransformation:
    """optax.clip_by_global_norm, bit for bit, with a transpose wherever it has a derivative.

    optax divides by the gradient's norm in the branch that it does not take, too; where that norm is 0, the transpose
    of that branch is 0 times infinity.  Here what is not taken never sees such a gradient.
    """
    of_optax = optax.clip_by_global_norm(norm)

    def update(gradient: Any, state: Any, theta: Any = None) -> tuple[Any, Any]:
        long = optax.tree.norm(jax.lax.stop_gradient(gradient)) >= norm
        harmless = jax.tree.map(lambda leaf: jnp.where(long, leaf, jnp.ones_like(leaf)), gradient)
        clipped, state = of_optax.update(harmless, state)
        return jax.tree.map(lambda leaf, other: jnp.where(long, other, leaf), gradient, clipped), state

    return optax.GradientTransformation(of_optax.init, update)


@dataclass(frozen=True)
class Step:
    """One optimizer step along `gradient(theta, batch)`: state_t, batch_t -> state_{t+1}; theta flat or in parts."""

    gradient: Callable[[Any, Any], Any]
    optimizer: optax.GradientTransformation

    def __call__(self, state: State, batch: Any) -> State:
        return self.update(self.gradient(state.theta, batch), state)

    def update(self, gradient: Any, state: State) -> State:
        """What the optimizer makes of a gradient."""
        updates, memory = self.optimizer.update(gradient, state.optimizer, state.theta)
        return State(optax.apply_updates(state.theta, updates), memory)


def in_parts(states: State, gradient: Gradient, optimizer: optax.GradientTransformation) -> State:
    """States, one or stacked, with theta and all that is kept for each parameter split."""
    memory = optax.tree.map_params(optimizer, gradient.split, states.optimizer)
    return State(gradient.split(states.theta), memory)


def every(bytes_of_states: int, steps_an_epoch: int) -> int:
    """k such that every k-th state is kept: the least divisor of the steps of an epoch that keeps at most 1 GiB.

    `bytes_of_states` are those of all; if no divisor does, the states between epochs are kept.
    """
    divisors = [k for k in range(1, steps_an_epoch + 1) if steps_an_epoch % k == 0]
    return next((k for k in divisors if bytes_of_states <= k * KEPT), steps_an_epoch)


def trajectory(step: Callable[[State, Any], State], initial: State, batches: Any, every: int = 1) -> State:
    """States 0, k, 2k, ..., T stacked, k = `every` dividing T; each leaf gets a first axis of length T / k + 1.

    `batches` is a pytree with first axis T.
    """
    grouped = jax.tree.map(lambda leaf: leaf.reshape(-1, every, *leaf.shape[1:]), batches)

    def group(state: State, batches: Any) -> tuple[State, State]:
        return jax.lax.scan(lambda s, b: (step(s, b), None), state, batches)[0], state

    last, states = jax.jit(lambda s, b: jax.lax.scan(group, s, b))(initial, grouped)
    return jax.tree.map(lambda before, end: jnp.concatenate([before, end[None]]), states, last)
