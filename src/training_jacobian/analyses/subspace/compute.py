"""Training inside a subspace: theta_0 + B^T z, z from 0, same optimizer (paper: in the bulk, and outside of it)."""

import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from training_jacobian.learning.endpoint import endpoint
from training_jacobian.learning.training import State, Step
from training_jacobian.run import Run
from training_jacobian.spectral import subspaces

BLOCKS = 4  # of the basis: leaves out a third of the work; of eight, smaller products lose what more of them leave out


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`losses.csv`: one row a kind of subspace and dimension."""
    problem, theta, parts = run.problem, run.theta[0], run.read("svd", ["S", "Vt"])
    dimensions = subspaces.grid(settings["dimensions"])
    draw = zlib.crc32(theta.tobytes(), settings["seed"])  # each start has its own
    random = subspaces.random_subspace(max(dimensions), len(theta), draw)
    batches, tables = jnp.asarray(problem.batches), []
    for kinds, basis in ((ranks(parts["S"]), parts["Vt"]), ({"random": np.arange(len(random))}, random)):
        masks = np.concatenate([[rank < k for k in dimensions] for rank in kinds.values()])
        rows = basis.astype(problem.dtype)
        ends = train_in_subspaces(problem.gradient, problem.optimizer, batches, theta, rows, masks)
        loss, accuracy = problem.evaluate(jnp.asarray(ends), "test")
        table = pd.DataFrame([{"kind": kind, "dimension": k} for kind in kinds for k in dimensions])
        tables.append(table.assign(test_loss=np.asarray(loss), test_accuracy=np.asarray(accuracy)))
    return {"losses.csv": pd.concat(tables)}


def ranks(S: np.ndarray) -> dict[str, np.ndarray]:
    """For each kind of subspace the rank (N,) of every singular direction: the k-dimensional one has ranks 0..k-1.

    `bulk`: |sigma - 1| smallest; `complement`: largest; `chaotic`: sigma largest; `stable`: smallest.
    """
    rank = np.arange(len(S))
    near = np.empty(len(S), int)
    near[subspaces.nearest_to_one(S)] = rank
    return {"bulk": near, "complement": len(S) - 1 - near, "chaotic": rank, "stable": len(S) - 1 - rank}


def train_in_subspaces(
    gradient: Callable[[Any, Any], Any],
    optimizer: optax.GradientTransformation,
    batches: Any,
    theta: Any,
    basis: Any,
    masks: np.ndarray,
) -> np.ndarray:
    """Last theta (K, N) of K trainings from `theta` (N,), one for each of `masks` (K, n), boolean.

    B are the orthonormal rows of `basis` (n, N) that the mask keeps; a coordinate z_i that it drops has gradient zero
    and stays 0.  So all dimensions and kinds run in one compiled program, two products with the basis a step: in
    blocks of rows, each for the trainings that keep any of it.
    """
    theta, basis = jnp.asarray(theta), np.asarray(basis)
    masks, which = np.unique(masks, axis=0, return_inverse=True)  # each kind has all directions once
    cuts = [slice(*pair) for pair in pairwise(np.linspace(0, len(basis), BLOCKS + 1, dtype=int))]
    users = [np.flatnonzero(masks[:, cut].any(axis=1)) for cut in cuts]
    # twice, because XLA's product with the transpose of what is stored is a quarter faster
    rows, columns = [jnp.asarray(basis[cut]) for cut in cuts], [jnp.asarray(basis[cut].T.copy()) for cut in cuts]
    several = optax.GradientTransformation(jax.vmap(optimizer.init), jax.vmap(optimizer.update))

    @jax.jit
    def ends(masks: jax.Array, theta: jax.Array, rows: Any, columns: Any, batches: Any) -> jax.Array:
        def point(z: jax.Array) -> jax.Array:
            made = jnp.broadcast_to(theta, (len(z), len(theta)))
            for cut, some, block in zip(cuts, users, columns, strict=True):
                made = made.at[some].add(z[some, cut] @ block.T)
            return made

        def of_coordinates(z: jax.Array, batch: Any) -> jax.Array:
            of_theta, made = jax.vmap(gradient, in_axes=(0, None))(point(z), batch), jnp.zeros_like(z)
            for cut, some, block in zip(cuts, users, rows, strict=True):
                made = made.at[some, cut].set(of_theta[some] @ block.T)
            return masks * made

        start = jnp.zeros(masks.shape, theta.dtype)
        return point(endpoint(Step(of_coordinates, several), State(start, several.init(start)), batches).theta)

    made = ends(jnp.asarray(masks, theta.dtype), theta, rows, columns, batches)
    return np.asarray(made)[which]
