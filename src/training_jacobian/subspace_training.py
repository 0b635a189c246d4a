"""Training inside a subspace: theta_0 + B^T z, z from 0, same optimizer (paper: in the bulk, and outside of it)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training_jacobian.endpoint import endpoint
from training_jacobian.subspaces import nearest_to_one
from training_jacobian.training import State, Step


def ranks(S: np.ndarray) -> dict[str, np.ndarray]:
    """For each kind of subspace the rank (N,) of every singular direction: the k-dimensional one has ranks 0..k-1.

    `bulk`: |sigma - 1| smallest; `complement`: largest; `chaotic`: sigma largest; `stable`: smallest.
    """
    rank = np.arange(len(S))
    near = np.empty(len(S), int)
    near[nearest_to_one(S)] = rank
    return {"bulk": near, "complement": len(S) - 1 - near, "chaotic": rank, "stable": len(S) - 1 - rank}


def train_in_subspaces(
    gradient: Callable[[Any, Any], Any],
    optimizer: optax.GradientTransformation,
    batches: Any,
    theta: Any,
    basis: Any,
    masks: Any,
) -> np.ndarray:
    """Last theta (K, N) of K trainings from `theta` (N,), one for each of `masks` (K, n) of ones and zeros.

    B are the orthonormal rows of `basis` (n, N) that the mask keeps; a coordinate z_i that it drops has gradient zero
    and stays 0.  So all dimensions and kinds run in one compiled program: two products with the whole basis a step.
    """
    theta, basis = jnp.asarray(theta), jnp.asarray(basis)

    @jax.jit
    def ends(masks: jax.Array, theta: jax.Array, basis: jax.Array, batches: Any) -> jax.Array:
        def one(mask: jax.Array) -> jax.Array:
            step = Step(lambda z, batch: mask * (basis @ gradient(theta + z @ basis, batch)), optimizer)
            start = jnp.zeros(len(basis), theta.dtype)
            return theta + endpoint(step, State(start, optimizer.init(start)), batches).theta @ basis

        return jax.vmap(one)(masks)

    return np.asarray(ends(jnp.asarray(masks, theta.dtype), theta, basis, batches))
