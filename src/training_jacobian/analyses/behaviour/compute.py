"""What the network does after a step along a singular direction, in and out of distribution (paper section on it)."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from training_jacobian.learning import exact_bulk
from training_jacobian.learning.precision import in_64_bits
from training_jacobian.progress import Progress
from training_jacobian.run import Run

CHUNK = 16  # networks evaluated together: what they hold must stay in the cache


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`divergence.csv`: of the network at theta_T + s v_i from that at theta_T, by inputs, one row an i.

    And `displacement.csv`.  `exact` tells which directions are of the measured exact bulk, empty where rounding hides
    it.
    """
    problem, theta, parts = run.problem, run.theta.astype(np.float64), run.read("svd", ["U", "S", "Vt"])
    S, Vt = parts["S"], parts["Vt"]
    exact = exact_bulk.are_exact(
        Vt, exact_bulk.of_run(run.parameters, np.asarray(problem.examples["inputs_train"]), parts)
    )
    del parts
    inputs = probes(problem.examples, settings["seed"])
    directions = pd.DataFrame({"index": np.arange(1, len(S) + 1), "sigma": S}).assign(exact=exact)
    progress = Progress("Divergence", len(S) * len(inputs), "networks")
    name, tables = problem.loss.DIVERGENCE, []
    for kind, each in inputs.items():
        steps = settings["size"] * Vt
        largest, mean = divergence(problem.outputs, problem.loss, theta[-1], steps, each, progress.advance)
        tables.append(directions.assign(inputs=kind, **{f"{name}_max": largest, f"{name}_mean": mean}))
    displacement = directions.assign(displacement=np.abs(Vt @ (theta[-1] - theta[0])))
    return {"divergence.csv": pd.concat(tables), "displacement.csv": displacement}


def probes(examples: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Inputs (n, d) to look at: `train`, `test`, the training inputs `inverted` (1 - x), and as much `white_noise`.

    The last two only where the training inputs are in [0, 1], as those of images are.
    """
    train = np.asarray(examples["inputs_train"])
    given = {"train": train, "test": np.asarray(examples["inputs_test"])}
    if train.min() < 0 or train.max() > 1:
        return given
    noise = np.random.default_rng(seed).random(train.shape).astype(train.dtype)
    return {**given, "inverted": 1 - train, "white_noise": noise}


@in_64_bits
def divergence(
    outputs: Callable[[jax.Array, jax.Array], jax.Array],
    loss: ModuleType,
    theta: np.ndarray,
    steps: np.ndarray,
    inputs: np.ndarray,
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """How far the network at theta + step is from that at theta (N,), for each of `steps` (K, N), in float64.

    By the `divergence` of the loss, such as KL(q || p), p the network at theta.  Maximum (K,) and mean (K,)
    over `inputs` (n, d).
    """
    at, points = jnp.asarray(theta, jnp.float64), jnp.asarray(inputs, jnp.float64)
    before = loss.said(outputs(at, points))

    def one(step: jax.Array) -> tuple[jax.Array, jax.Array]:
        each = loss.divergence(before, loss.said(outputs(at + step, points)))
        return each.max(), each.mean()

    several = jax.jit(jax.vmap(one))

    def chunks() -> Iterator[tuple[Any, Any]]:
        for first in range(0, len(steps), CHUNK):
            part = steps[first : first + CHUNK].astype(np.float64)
            padded = np.pad(part, ((0, CHUNK - len(part)), (0, 0)))  # one shape, compiled once
            largest, mean = several(padded)
            yield np.asarray(largest)[: len(part)], np.asarray(mean)[: len(part)]
            advance(len(part))

    largest, mean = zip(*chunks(), strict=True)
    return np.concatenate(largest), np.concatenate(mean)
