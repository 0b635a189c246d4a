"""Training as a map: T deterministic optimizer steps on the extended state (theta, optimizer state)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training_jacobian.layout import unflatten
from training_jacobian.models import model
from training_jacobian.models.mlp import Shapes

KEPT = 2**30  # bytes of states in a file


class State(NamedTuple):
    """What one step maps to the next: theta and whatever the optimizer remembers, e.g. momentum of the same kind.

    Theta is flat (N,), or a pytree of parts.
    """

    theta: Any
    optimizer: Any


@dataclass(frozen=True)
class Gradient:
    """Gradient of the mean loss on parts of theta, and how theta (..., N) is split into them and joined again.

    Called with theta (N,) and the examples, inputs (B, d) and labels (B,), it gives the gradient (N,).
    """

    of_parts: Callable[..., Any]
    split: Callable[[jax.Array], Any] = lambda theta: theta
    join: Callable[[Any], jax.Array] = lambda theta: theta

    def __call__(self, theta: jax.Array, *examples: jax.Array) -> jax.Array:
        return self.join(self.of_parts(self.split(theta), *examples))

    def on(self, inputs: jax.Array, labels: jax.Array) -> "Gradient":
        """The same of theta and the indices (B,) of examples among these inputs (n, d) and labels (n,)."""
        return replace(self, of_parts=lambda parts, batch: self.of_parts(parts, inputs[batch], labels[batch]))


def logits(shapes: Shapes, name: str, activation: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Function (theta (N,), inputs (n, d)) -> logits (n, classes) of a model."""
    apply, act = model(name).apply, getattr(jax.nn, activation)
    return lambda theta, inputs: apply(unflatten(theta, shapes), inputs, act)


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean softmax cross-entropy in nats; logits (n, classes), labels (n,)."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def gradient(shapes: Shapes, name: str, activation: str) -> Gradient:
    """Gradient of the mean cross-entropy.

    With tangents written out where the model has `feeds`, else by jax.grad: the same to rounding.
    """
    chosen = model(name)
    if chosen.feeds:
        from training_jacobian.models import layered_gradient  # it imports this module

        feeds = partial(chosen.feeds, len(shapes) // 2)
        return layered_gradient.make(shapes, feeds, chosen.TOGETHER, getattr(jax.nn, activation))
    function = logits(shapes, name, activation)
    return Gradient(jax.grad(lambda theta, inputs, labels: cross_entropy(function(theta, inputs), labels)))


def learning_rate(rate: float, schedule: dict[str, Any], steps: int) -> Any:
    """The rate of all steps, or for a cosine schedule a function of the step."""
    return optax.cosine_decay_schedule(rate, decay_steps=steps) if schedule["name"] == "cosine" else rate


def optimizer(
    optimizer: dict[str, Any], schedule: dict[str, Any], steps: int, clip_norm: float | None = None
) -> optax.GradientTransformation:
    """The optax optimizer of that name; its other parameters are those of optax.

    SGD's `weight_decay` is added to the gradient; gradients longer than `clip_norm` are scaled to it before anything.
    """
    rest = dict(optimizer)
    name, rate = rest.pop("name"), learning_rate(rest.pop("learning_rate"), schedule, steps)
    before = [clip(clip_norm)] if clip_norm else []
    if name == "sgd" and (decay := rest.pop("weight_decay", 0)):
        before.append(optax.add_decayed_weights(decay))
    made: optax.GradientTransformation = getattr(optax, name)(rate, **rest)
    return optax.chain(*before, made) if before else made


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


def batches(examples: int, batch_size: int, epochs: int) -> np.ndarray:
    """Indices (T, batch_size) int32 of the examples of each step: in their own order, never reshuffled."""
    epoch = np.arange(examples, dtype=np.int32).reshape(-1, batch_size)
    return np.tile(epoch, (epochs, 1))


def every(bytes_of_states: int, steps_an_epoch: int) -> int:
    """k such that every k-th state is kept: the least divisor of the steps of an epoch that keeps at most 1 GiB.

    `bytes_of_states` are those of all; if no divisor does, the states between epochs are kept.
    """
    divisors = [k for k in range(1, steps_an_epoch + 1) if steps_an_epoch % k == 0]
    return next((k for k in divisors if bytes_of_states <= k * KEPT), steps_an_epoch)


def trajectory(step: Step, initial: State, batches: Any, every: int = 1) -> State:
    """States 0, k, 2k, ..., T stacked, k = `every` dividing T; each leaf gets a first axis of length T / k + 1.

    `batches` is a pytree with first axis T.
    """
    grouped = jax.tree.map(lambda leaf: leaf.reshape(-1, every, *leaf.shape[1:]), batches)

    def group(state: State, batches: Any) -> tuple[State, State]:
        return jax.lax.scan(lambda s, b: (step(s, b), None), state, batches)[0], state

    last, states = jax.jit(lambda s, b: jax.lax.scan(group, s, b))(initial, grouped)
    return jax.tree.map(lambda before, end: jnp.concatenate([before, end[None]]), states, last)
