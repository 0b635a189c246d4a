"""The response of training to perturbed starts."""

import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian import response
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.run import Run


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`responses.csv` and `linearity.csv`."""
    problem, theta, parts = run.problem, run.theta[0], run.read("svd", ["U", "S", "Vt"])
    sizes = np.geomspace(**settings["sizes"])
    draw = zlib.crc32(theta.tobytes(), settings["seed"])  # each start has its own random direction
    chosen = response.directions(parts["U"], parts["S"], parts["Vt"], settings["bulk_tolerance"], draw)
    starts = jnp.asarray(response.starts(theta, chosen, sizes).astype(problem.dtype))
    state = problem.start(theta)

    def train(theta: jax.Array, batches: jax.Array) -> jax.Array:
        return endpoint(problem.step, state._replace(theta=theta), batches).theta

    ends = jax.jit(jax.vmap(train, in_axes=(0, None)))(starts, jnp.asarray(problem.batches))
    loss, accuracy = problem.evaluate(ends, "test")
    table = response.responses(np.asarray(ends, np.float64), chosen, sizes)
    table = table.assign(test_loss=np.asarray(loss)[1:], test_accuracy=np.asarray(accuracy)[1:])
    return {"responses.csv": table, "linearity.csv": response.linearity(table, settings["linear_tolerance"])}
