"""The response to perturbed starts of a training whose Jacobian is not formed."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian import response
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.progress import Progress
from training_jacobian.run import Run


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`responses.csv` and `linearity.csv`, as where J is formed.

    Along v_1, the direction that was found to be changed least (`early_bulk`), and a random one.
    """
    problem, start = run.problem, run.trajectory().start
    theta, sizes = np.asarray(start.theta), np.geomspace(**settings["sizes"])
    top = run.read("triplets", ["J/U", "J/S", "J/Vt"])
    found = run.read("density", ["V"], "bulk.h5")["V"][:, 0]
    draw = np.random.default_rng(zlib.crc32(theta.tobytes(), settings["seed"])).standard_normal(len(theta))
    others = {"early_bulk": found, "random": draw / np.linalg.norm(draw)}
    J = run.jacobian()
    images = np.asarray(J @ np.stack(list(others.values()), axis=1), np.float64).T
    chosen = {}
    if len(top["J/S"]):
        chosen["top"] = {"index": 1, "v": top["J/Vt"][0], "u": top["J/U"][:, 0], "sigma": float(top["J/S"][0])}
    for (name, v), image in zip(others.items(), images, strict=True):
        sigma = float(np.linalg.norm(image))
        chosen[name] = {"index": None, "v": v, "u": image / sigma, "sigma": sigma}
    starts = jnp.asarray(response.starts(theta, chosen, sizes).astype(problem.dtype))
    batches, progress = jnp.asarray(problem.batches), Progress("responses", len(starts), "trainings")
    train = jax.jit(lambda theta: endpoint(problem.step, start._replace(theta=theta), batches).theta)

    def end(theta: jax.Array) -> np.ndarray:
        made = np.asarray(train(theta))
        progress.advance(1)
        return made

    with ThreadPoolExecutor(2) as pool:  # one training alone leaves cores idle
        ends = np.stack(list(pool.map(end, starts)))
    loss, accuracy = problem.evaluate(jnp.asarray(ends), "test")
    table = response.responses(ends.astype(np.float64), chosen, sizes)
    table = table.assign(test_loss=np.asarray(loss)[1:], test_accuracy=np.asarray(accuracy)[1:])
    return {"responses.csv": table, "linearity.csv": response.linearity(table, settings["linear_tolerance"])}
