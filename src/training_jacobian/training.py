"""Training as a map: T deterministic optimizer steps on the extended state (theta, optimizer state)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training_jacobian.layout import unflatten
from training_jacobian.models import model
from training_jacobian.models.mlp import Shapes


class State(NamedTuple):
    """What one step maps to the next: theta (N,) and whatever the optimizer remembers, e.g. momentum (N,)."""

    theta: jax.Array
    optimizer: Any


Gradient = Callable[[jax.Array, Any], jax.Array]
Step = Callable[[State, Any], State]


def logits(shapes: Shapes, name: str, activation: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Function (theta (N,), inputs (n, d)) -> logits (n, classes) of a model."""
    apply, act = model(name).apply, getattr(jax.nn, activation)
    return lambda theta, inputs: apply(unflatten(theta, shapes), inputs, act)


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean softmax cross-entropy in nats; logits (n, classes), labels (n,)."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def gradient(shapes: Shapes, name: str, activation: str) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
    """Function (theta (N,), inputs (B, d), labels (B,)) -> gradient (N,) of the mean cross-entropy.

    From the model's own module with written-out tangents where it names one, else by jax.grad: the same to rounding.
    """
    written_out = model(name).GRADIENT
    if written_out:
        return model(written_out).make(shapes, getattr(jax.nn, activation))
    function = logits(shapes, name, activation)
    return jax.grad(lambda theta, inputs, labels: cross_entropy(function(theta, inputs), labels))


def optimizer(optimizer: dict[str, Any], schedule: dict[str, Any], steps: int) -> optax.GradientTransformationExtraArgs:
    """The optax optimizer of that name; its other parameters are those of optax."""
    name, learning_rate, rest = (
        optimizer["name"],
        optimizer["learning_rate"],
        {key: value for key, value in optimizer.items() if key not in ("name", "learning_rate")},
    )
    if schedule["name"] == "cosine":
        learning_rate = optax.cosine_decay_schedule(learning_rate, decay_steps=steps)
    return getattr(optax, name)(learning_rate, **rest)


def make_step(gradient: Gradient, optimizer: optax.GradientTransformation) -> Step:
    """One optimizer step along `gradient(theta, batch)`: state_t, batch_t -> state_{t+1}."""

    def step(state: State, batch: Any) -> State:
        updates, memory = optimizer.update(gradient(state.theta, batch), state.optimizer, state.theta)
        return State(optax.apply_updates(state.theta, updates), memory)

    return step


def batches(examples: int, batch_size: int, epochs: int) -> np.ndarray:
    """Indices (T, batch_size) int32 of the examples of each step: in their own order, never reshuffled."""
    epoch = np.arange(examples, dtype=np.int32).reshape(-1, batch_size)
    return np.tile(epoch, (epochs, 1))


def trajectory(step: Step, initial: State, batches: Any) -> State:
    """States 0..T stacked: each leaf gets a first axis of length T + 1.  `batches` is a pytree with first axis T."""
    last, states = jax.jit(lambda s, b: jax.lax.scan(lambda s, b: (step(s, b), s), s, b))(initial, batches)
    return jax.tree.map(lambda before, end: jnp.concatenate([before, end[None]]), states, last)
