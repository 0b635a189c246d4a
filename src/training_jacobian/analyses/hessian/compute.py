"""Top eigenpairs of the Hessian of the whole training loss, and the gradient beside them, along a training."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse.linalg import LinearOperator

from training_jacobian.jacobian.states import thetas
from training_jacobian.learning import whole
from training_jacobian.learning.whole import Whole
from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral.eigen import Eigen, largest

STEPS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 400, 1000, 2000, 4000, 10000, 20000, 40000, 100000]
PROBES = 16  # of the trace


class Spaces(NamedTuple):
    """Of k: where the top space ends, the same without its last vector, and where the next space ends."""

    top: tuple[int, int]
    top_less_one: tuple[int, int]
    next: tuple[int, int]


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """Of the Hessian H and the gradient g of the loss on the whole training set, in float64, or in `dtype`.

    - `eigenvalues.csv`: one row a checkpoint and index from 1: whether of the top space, eigenvalue, residual
      |H v - lambda v|, converged.
    - `gradient.csv`: one row a measured step: train_loss, gradient_norm; f_top, f_top_less_one (of k - 1), f_next (of
      the next k) and f_random (k / N, what chance gives), empty where the space was not computed; overlap = g.Hg /
      (|g| |Hg|), the same of the test set, of a random vector of the top space and of one of R^N.
    - `persistence.csv`: one row two checkpoints and a space (top, top_less_one, next): Tr(P P') / dimension, and what
      chance gives.
    - `trace.csv`: one row a checkpoint: Tr H by Hutchinson's estimate, its standard error, sum of the top eigenvalues.
    """
    trajectory, problem, dtype = run.trajectory(), run.problem, settings.get("dtype", "float64")
    train, test = whole.of_training_set(problem, dtype), whole.of(problem, "test", dtype)
    random = np.random.default_rng(settings["seed"])
    k = settings.get("space") or whole.classes(problem)
    spaces = Spaces((0, k), (0, k - 1), (k, 2 * k))
    checkpoints = settings.get("checkpoints") or [step for step in STEPS if step < trajectory.steps]
    checkpoints = sorted({*checkpoints, trajectory.steps})
    with_space = {*range(0, trajectory.steps + 1, settings["spaces_every"]), *checkpoints}
    measured = sorted({*range(0, trajectory.steps + 1, settings["every"]), *with_space})
    progress = Progress("Hessian", len(measured), "steps")
    kept: dict[int, Eigen] = {}
    before: Eigen | None = None
    rows, traces = [], []
    for step, theta in thetas(trajectory, measured):
        row = {"step": step, **gradient_at(train, test, theta, random, step)}
        if step in with_space:
            before = found = top(train.hessian(theta), settings, before)
            gradient = train.loss_and_gradient(theta)[1]
            row |= {f"f_{name}": found.part(gradient, *each) for name, each in spaces._asdict().items()}
            row |= {"f_random": k / len(theta), "overlap_in_top": in_top(found.values[:k], random)}
        if step in checkpoints:
            kept[step] = found
            traces.append({"step": step, **trace(train, theta, random), "top_sum": float(np.sum(found.values))})
        rows.append(row)
        progress.advance(1)
    columns = [f"f_{name}" for name in (*Spaces._fields, "random")]
    overlaps = [f"overlap{of}" for of in ("", "_test", "_in_top", "_random")]
    order = ["step", "train_loss", "gradient_norm", *columns, *overlaps]
    return {
        "eigenvalues.csv": eigenvalues(kept, k),
        "gradient.csv": pd.DataFrame(rows)[order],
        "persistence.csv": persistence(kept, spaces),
        "trace.csv": pd.DataFrame(traces),
    }


def top(H: LinearOperator, settings: dict[str, Any], before: Eigen | None) -> Eigen:
    """The top eigenpairs; Lanczos begins in the top space of the step before."""
    start = None if before is None else np.nan_to_num(before.vectors).sum(axis=1)
    return largest(H, settings["pairs"], settings["tolerance"], start, settings["seed"], settings["products"])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two vectors; not a number if one is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def gradient_at(train: Whole, test: Whole | None, theta: np.ndarray, random: Any, step: int) -> dict[str, float]:
    """Loss, |g|, and overlaps of g and of a random vector with what H makes of them."""
    loss, g = train.loss_and_gradient(theta)
    r = random.standard_normal(len(theta))
    Hg, Hr = train.products(theta, np.stack([g, r]))
    made = {"train_loss": loss, "gradient_norm": float(np.linalg.norm(g)), "overlap": cosine(g, Hg)}
    if test is not None:
        held_out = test.loss_and_gradient(theta)[1]
        made["overlap_test"] = cosine(held_out, test.products(theta, held_out[None])[0])
    return {"overlap_test": np.nan, **made, "overlap_random": cosine(r, Hr)}


def in_top(values: np.ndarray, random: Any) -> float:
    """Overlap of a random vector of the top space, from its eigenvalues alone."""
    c = random.standard_normal(len(values))
    return cosine(c, values * c)


def trace(train: Whole, theta: np.ndarray, random: Any) -> dict[str, float]:
    """Tr H and the standard error of the estimate: mean of z.Hz over vectors z of random signs (Hutchinson 1990)."""
    z = random.choice([-1.0, 1.0], (PROBES, len(theta)))
    each = np.sum(z * train.products(theta, z), axis=1)
    return {"trace": float(each.mean()), "standard_error": float(each.std(ddof=1) / np.sqrt(PROBES))}


def eigenvalues(kept: dict[int, Eigen], k: int) -> pd.DataFrame:
    """As of `eigenvalues.csv`."""
    tables = [
        pd.DataFrame(
            {
                "step": step,
                "index": np.arange(1, len(each.values) + 1),
                "top": np.arange(len(each.values)) < k,
                "eigenvalue": each.values,
                "residual": each.residual,
                "converged": each.converged,
            }
        )
        for step, each in kept.items()
    ]
    return pd.concat(tables)


def persistence(kept: dict[int, Eigen], spaces: Spaces) -> pd.DataFrame:
    """As of `persistence.csv`."""
    rows = []
    for first, one in kept.items():
        for second, other in kept.items():
            for name, (start, stop) in spaces._asdict().items():
                dimension = stop - start
                if dimension:
                    squared = np.sum((one.vectors[:, start:stop].T @ other.vectors[:, start:stop]) ** 2)
                    chance = dimension / len(one.vectors)
                    row = {"first": first, "second": second, "space": name, "dimension": dimension}
                    rows.append({**row, "persistence": float(squared / dimension), "chance": chance})
    return pd.DataFrame(rows)
