"""The perturbation of a training whose Jacobian is not formed."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import perturbation, store
from training_jacobian.endpoint import endpoint
from training_jacobian.linear_operator import TrainingJacobian
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem
from training_jacobian.stages.stored import trajectory
from training_jacobian.stages.triplets import MEMORY


def make_responses(
    recipe: Recipe, data_file: Path, train_file: Path, triplets_file: Path, bulk_file: Path, out: Path
) -> None:
    """Folder with `responses.csv` and `linearity.csv`, as of the perturbation stage.

    Along v_1, the direction that the density stage found to be changed least (`early_bulk`), and a random one.
    """
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    start = trajectory(recipe, data_file, train_file).start
    theta = np.asarray(start.theta)
    settings = parameters(recipe)["perturbation"]
    sizes = np.geomspace(**settings["sizes"])
    top = store.read_hdf5(triplets_file, recipe, "triplets", ["J/U", "J/S", "J/Vt"])
    found = store.read_hdf5(bulk_file, recipe, "density", ["V"])["V"][:, 0]
    draw = np.random.default_rng(zlib.crc32(theta.tobytes(), settings["seed"])).standard_normal(len(theta))
    others = {"early_bulk": found, "random": draw / np.linalg.norm(draw)}
    J = TrainingJacobian(trajectory(recipe, data_file, train_file), memory=MEMORY)
    images = np.asarray(J @ np.stack(list(others.values()), axis=1), np.float64).T
    chosen = {}
    if len(top["J/S"]):
        chosen["top"] = {"index": 1, "v": top["J/Vt"][0], "u": top["J/U"][:, 0], "sigma": float(top["J/S"][0])}
    for (name, v), image in zip(others.items(), images, strict=True):
        sigma = float(np.linalg.norm(image))
        chosen[name] = {"index": None, "v": v, "u": image / sigma, "sigma": sigma}
    starts = jnp.asarray(perturbation.starts(theta, chosen, sizes).astype(problem.dtype))
    batches, progress = jnp.asarray(problem.batches), Progress("responses", len(starts), "trainings")
    train = jax.jit(lambda theta: endpoint(problem.step, start._replace(theta=theta), batches).theta)

    def end(theta: jax.Array) -> np.ndarray:
        made = np.asarray(train(theta))
        progress.advance(1)
        return made

    with ThreadPoolExecutor(2) as pool:  # one training alone leaves cores idle
        ends = np.stack(list(pool.map(end, starts)))
    loss, accuracy = problem.evaluate(jnp.asarray(ends), "test")
    table = perturbation.responses(ends.astype(np.float64), chosen, sizes)
    table = table.assign(test_loss=np.asarray(loss)[1:], test_accuracy=np.asarray(accuracy)[1:])
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "responses.csv", table)
    store.write_csv(out / "linearity.csv", perturbation.linearity(table, settings["linear_tolerance"]))
