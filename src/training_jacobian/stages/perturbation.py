"""The perturbation stage."""

import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import perturbation, store
from training_jacobian.endpoint import endpoint
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem


def make_perturbation(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `responses.csv` and `linearity.csv`."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"][0]
    parts = store.read_hdf5(svd_file, recipe, "svd", ["U", "S", "Vt"])
    settings = parameters(recipe)["perturbation"]
    sizes = np.geomspace(**settings["sizes"])
    draw = zlib.crc32(theta.tobytes(), settings["seed"])  # each start has its own random direction
    chosen = perturbation.directions(parts["U"], parts["S"], parts["Vt"], settings["bulk_tolerance"], draw)
    starts = jnp.asarray(perturbation.starts(theta, chosen, sizes).astype(problem.dtype))
    state = problem.start(theta)

    def train(theta: jax.Array, batches: jax.Array) -> jax.Array:
        return endpoint(problem.step, state._replace(theta=theta), batches).theta

    ends = jax.jit(jax.vmap(train, in_axes=(0, None)))(starts, jnp.asarray(problem.batches))
    loss, accuracy = problem.evaluate(ends, "test")
    table = perturbation.responses(np.asarray(ends, np.float64), chosen, sizes)
    table = table.assign(test_loss=np.asarray(loss)[1:], test_accuracy=np.asarray(accuracy)[1:])
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "responses.csv", table)
    store.write_csv(out / "linearity.csv", perturbation.linearity(table, settings["linear_tolerance"]))
