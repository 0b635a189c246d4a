"""sigma_1 of the authors' LeNet-5 from starts an ulp apart, and in other settings: what of it rounding decides.

Run `lenet_published` of studies/lenet.yaml.  Each number of theta_0 but 0 is moved to the float32 beside it, up or
down at random; the training is otherwise the same.  sigma_1 by power iteration from a random vector, from below, until
a round changes it by less than 1e-3.  MNIST's raw files have to be in data/raw/mnist, where `make lenet` puts them.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from training_jacobian.jobs.threads import hold

hold(len(os.sched_getaffinity(0)), xla=True)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from common import write  # noqa: E402
from training_jacobian.artifacts.address import parameters  # noqa: E402
from training_jacobian.jacobian.operator import TrainingJacobian  # noqa: E402
from training_jacobian.jacobian.trajectory import in_memory  # noqa: E402
from training_jacobian.learning import split  # noqa: E402
from training_jacobian.learning.datasets import mnist  # noqa: E402
from training_jacobian.learning.problem import Problem  # noqa: E402
from training_jacobian.workflow.plan import plan  # noqa: E402
from training_jacobian.workflow.recipe import recipe  # noqa: E402

MEMORY, ROUNDS, SETTLED = 3 * 2**30, 12, 1e-3
SETTINGS: dict[str, dict[str, Any]] = {
    "as published": {},
    "the same order in each epoch": {"order": {"name": "stored"}},
    "pixels standardised": {},
    "32 bits throughout": {},  # the schedule, too, which jobs compute in 64
}


def examples(standardised: bool) -> dict[str, np.ndarray]:
    """Of MNIST, with its pixels / 255, or those with mean 0 and variance 1."""
    read = split.first("mnist", [Path("data/raw/mnist", each.name) for each in mnist.RAW], 60000, 10000)
    if standardised:
        for part in ("inputs_train", "inputs_test"):
            read[part] = ((read[part] / 255 - 0.1307) / 0.3081).astype(np.float32)
    return read


def an_ulp_off(theta: np.ndarray, seed: int) -> np.ndarray:
    """theta (N,) float32 with each number but 0 moved to a neighbour; seed 0 moves nothing."""
    if seed == 0:
        return theta
    up = np.random.default_rng(seed).random(theta.size) < 0.5
    beside = np.nextafter(theta, np.where(up, np.inf, -np.inf).astype(theta.dtype))
    return np.where(theta != 0, beside, theta)


def largest(J: TrainingJacobian) -> float:
    """sigma_1, from below; by other means than the run's own triplets, which it checks."""
    v, found = np.random.default_rng(0).standard_normal(J.shape[1]).astype(J.dtype), 0.0
    for _ in range(ROUNDS):
        u = J.matvec(v / np.linalg.norm(v))
        v = J.rmatvec(u / np.linalg.norm(u))
        before, found = found, float(np.linalg.norm(v))
        if found - before < SETTLED * found:
            return found
    raise RuntimeError(f"sigma_1 has not settled: {before}, {found}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--setting", default="as published", choices=SETTINGS, metavar="SETTING", help="; ".join(SETTINGS)
    )
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3], help="of the moves; 0: none")
    asked = options.parse_args()
    jax.config.update("jax_enable_x64", asked.setting != "32 bits throughout")
    params = plan("studies/lenet.yaml").params
    of_run = parameters(recipe(params, params.runs["lenet_published"], "train"))
    problem = Problem(of_run | SETTINGS[asked.setting], examples(asked.setting == "pixels standardised"))
    published = np.load("data/theta0_lenet5.npy").astype(np.float32)
    rows, first = [], None
    for seed in asked.seeds:
        theta = an_ulp_off(published, seed)
        made = in_memory(problem.gradient, problem.optimizer, problem.start(theta), jnp.asarray(problem.batches))
        end = np.asarray(made.states(made.steps, made.steps + 1).theta)
        first = end if first is None else first
        loss, accuracy = problem.evaluate(end, "test")
        row = {
            "setting": asked.setting,
            "seed": seed,
            "start moved by": float(np.linalg.norm(theta - published)),
            "end apart from the first row's": float(np.linalg.norm(end - first)),
            "sigma_1": largest(TrainingJacobian(made, memory=MEMORY)),
            "test loss": float(loss[0]),
            "test accuracy": float(accuracy[0]),
        }
        rows.append(row)
        print(row, flush=True)
    table = pd.DataFrame(rows)
    write(table, "rounding-" + asked.setting.replace(" ", "-"))
    if len(rows) > 1:
        print("mean, standard deviation:", *table["sigma_1"].agg(["mean", "std"]).round(1))


if __name__ == "__main__":
    main()
