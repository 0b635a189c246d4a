"""Tangents and cotangents of a training, along its stored trajectory.

A step maps the extended state s_t = (theta_t, optimizer state) to s_{t+1} = update(gradient(theta_t), s_t).  With H the
Hessian of the loss at theta_t and A, B the derivatives of the optimizer's update by the gradient and by the state,

    ds_{t+1} = A (H dtheta_t) + B ds_t,
    cotangents, from the last step to the first:    c_t = B^T c_{t+1} + (H A^T c_{t+1} in theta's place).

H is symmetric, so one product serves both ways, whether a model's own or that of jax; A and B are the derivatives of
the optimizer itself, so that any optimizer follows.  For SGD with momentum mu: m' = H v + mu m, v' = v - eta m'.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from training_jacobian.learning.training import State, Step


class Linearized(NamedTuple):
    """One step, or steps stacked: all that tangents and cotangents need of its forward and backward pass."""

    hessian: Any  # tangent of theta -> tangent of the gradient
    update: Any  # tangents of the gradient and of the state's floats -> those of the next state

    def forward(self, tangent: State) -> State:
        """Tangent of the floats of the state before the step to that of the state after it."""
        after: State = self.update(self.hessian(tangent.theta), tangent)
        return after

    def backward(self, cotangent: State) -> State:
        """Cotangent of the floats of the state after the step to that of the state before it."""
        of_gradient, before = jax.linear_transpose(self.update, cotangent.theta, cotangent)(cotangent)
        theta = jax.tree.map(jnp.add, before.theta, self.hessian(of_gradient))
        transposed: State = before._replace(theta=theta)
        return transposed


class AnyMap(NamedTuple):
    """The same of a step that may be any map, whose derivative need not have a symmetric part."""

    tangent: Any  # tangents of the state's floats -> those of the next state

    def forward(self, tangent: State) -> State:
        """As of `Linearized`."""
        after: State = self.tangent(tangent)
        return after

    def backward(self, cotangent: State) -> State:
        """As of `Linearized`."""
        before: State = jax.linear_transpose(self.tangent, cotangent)(cotangent)[0]
        return before


def _is_float(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


def floats(state: State) -> State:
    """The state with None for all that has no tangent: step counts."""
    return jax.tree.map(lambda leaf: leaf if _is_float(leaf) else None, state)


def filled(some: State, state: State) -> State:
    """The state with its floats replaced by those of `some`."""
    return jax.tree.map(lambda new, old: old if new is None else new, some, state, is_leaf=lambda leaf: leaf is None)


def linearize(step: Step, states: State, batches: Any) -> Linearized:
    """The steps at the stacked `states`, linearised: computed once, for all tangents."""

    def one(now: tuple[State, Any]) -> Linearized:
        state, batch = now
        gradient, hessian = jax.linearize(lambda theta: step.gradient(theta, batch), state.theta)
        update = lambda gradient, some: floats(step.update(gradient, filled(some, state)))
        return Linearized(hessian, jax.linearize(update, gradient, floats(state))[1])

    return jax.lax.map(one, (states, batches))


def linearize_map(step: Callable[[State, Any], State], states: State, batches: Any) -> AnyMap:
    """As `linearize`, of steps that may be any map."""

    def one(now: tuple[State, Any]) -> AnyMap:
        state, batch = now
        return AnyMap(jax.linearize(lambda some: floats(step(filled(some, state), batch)), floats(state))[1])

    return jax.lax.map(one, (states, batches))


@jax.jit
def push(steps: Linearized | AnyMap, tangents: State, first: Any, last: Any) -> State:
    """Tangents before step `first` of the linearised steps to tangents after step `last` - 1; leaves (K, ...)."""

    def after(t: Any, carried: State) -> State:
        step = jax.tree.map(lambda leaf: leaf[t], steps)
        made: State = jax.vmap(type(step).forward, in_axes=(None, 0))(step, carried)
        return made

    pushed: State = jax.lax.fori_loop(first, last, after, tangents)
    return pushed


@jax.jit
def pull(steps: Linearized | AnyMap, cotangents: State, first: Any, last: Any) -> State:
    """Cotangents after step `last` - 1 of the linearised steps to those before step `first`; leaves (K, ...)."""

    def before(back: Any, carried: State) -> State:
        step = jax.tree.map(lambda leaf: leaf[last - 1 - back], steps)
        made: State = jax.vmap(type(step).backward, in_axes=(None, 0))(step, carried)
        return made

    pulled: State = jax.lax.fori_loop(0, last - first, before, cotangents)
    return pulled
