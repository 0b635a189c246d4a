"""Columns of the training Jacobian J = d theta_T / d theta_0: tangents pushed along a stored trajectory.

A step maps the extended state s_t = (theta_t, optimizer state) to s_{t+1}.  Column j of J is the theta part of

    ds_T = DF_{T-1}(s_{T-1}) ... DF_0(s_0) ds_0,    ds_0 = (e_j, 0),

since the optimizer's state starts the same whatever theta_0 is.  For SGD with momentum each factor is a Hessian-vector
product; here it is the derivative of the step itself, so that any optimizer and any model follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.training import State, Step

Tangents = tuple[jax.Array, ...]  # of the floating-point leaves of a state, each with a first axis of K tangents

CHUNK = 32  # tangents that travel together: fastest of 8..128 on CPUs, see benchmarks/


def _is_float(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


def push_step(step: Step, state: State, batch: Any, tangents: Tangents) -> Tangents:
    """One linearised step: tangents at s_t to tangents at s_{t+1}.  Integer leaves (step counts) have none."""
    leaves, structure = jax.tree.flatten(state)

    def on_floats(*floats: jax.Array) -> Tangents:
        values = iter(floats)
        filled = [next(values) if _is_float(leaf) else leaf for leaf in leaves]
        after = jax.tree.leaves(step(jax.tree.unflatten(structure, filled), batch))
        return tuple(leaf for leaf in after if _is_float(leaf))

    floats = tuple(leaf for leaf in leaves if _is_float(leaf))
    return jax.vmap(lambda tangent: jax.jvp(on_floats, floats, tangent)[1])(tangents)


def push(step: Step, states: State, batches: Any, tangents: Tangents) -> Tangents:
    """Tangents at the first of the stacked `states` to tangents after the last; as many states as batches."""
    return jax.lax.scan(lambda carried, now: (push_step(step, *now, carried), None), tangents, (states, batches))[0]


def from_theta(states: State, tangents: jax.Array) -> Tangents:
    """Tangents (K, N) of theta_0 as tangents of the extended state: zero for all that the optimizer remembers."""
    count = tangents.shape[0]
    memory = [leaf for leaf in jax.tree.leaves(states.optimizer) if _is_float(leaf)]
    return (tangents, *(jnp.zeros((count, *leaf.shape[1:]), leaf.dtype) for leaf in memory))


def columns(
    step: Step,
    states: State,
    batches: Any,
    first: int,
    last: int,
    chunk: int = CHUNK,
    advance: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Columns first..last-1 of J, (N, last - first), in the dtype of theta.

    `states` are s_0..s_{T-1} stacked, `batches` a pytree with first axis T (T = 0 gives columns of the identity);
    `advance(n)` is called after each n columns.  Raises ValueError if the columns are not in 0..N.
    """
    size = states.theta.shape[-1]
    if not 0 <= first <= last <= size:
        raise ValueError(f"columns {first}..{last} are not in 0..{size}")

    @jax.jit
    def push_units(start: jax.Array, states: State, batches: Any) -> jax.Array:
        # beyond the last column the tangents are zero: each chunk has the same shape and is compiled once
        units = (start + jnp.arange(chunk)[:, None] == jnp.arange(size)).astype(states.theta.dtype)
        return push(step, states, batches, from_theta(states, units))[0]

    def chunks() -> Iterator[np.ndarray]:
        for start in range(first, last, chunk):
            width = min(chunk, last - start)
            yield np.asarray(push_units(jnp.asarray(start), states, batches))[:width]
            advance(width)

    return np.concatenate([np.zeros((0, size), states.theta.dtype), *chunks()]).T
