"""Spectra and bulks of maps that are simpler than training, beside those of its Jacobian."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.linalg

from training_jacobian.jacobian.summed import Summed
from training_jacobian.learning import exact_bulk
from training_jacobian.learning.whole import of_training_set
from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral import subspaces

BLOCK = 128  # columns of a Hessian together


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """Of J, and of its null models, each a function of one symmetric matrix, with eta_t and momentum mu of the run.

    - `initial`: prod_t (I - eta_t H_0), H_0 the Hessian of the whole training loss at theta_0;
    - `average`: the run's SGD on the quadratic of the averaged H, that of the batches where the steps were taken;
    - `summed`: exp(-sum_s w_s H_s), H_s these Hessians and w_s = sum_{t >= s} eta_t mu^(t - s).

    `spectra.csv`: one row a model (`jacobian` first) and index; `counts.csv`: how many |sigma - 1| are below each
    threshold; `overlaps.csv`: the bulk of each, the k directions nearest to 1, with J's, right and left, and J's right
    with its left, the exact bulk taken out of J's; corrected for chance.
    """
    problem, trajectory = run.problem, run.trajectory()
    parts = run.read("svd", ["U", "S", "Vt"])
    exact = exact_bulk.to_take_out(run.parameters, run.inputs, parts)
    order, dimensions = subspaces.nearest_to_one(parts["S"]), subspaces.grid(settings["dimensions"])
    bulks = {"right": parts["Vt"][order], "left": parts["U"].T[order]}
    bulks = {side: exact_bulk.take_out(rows, exact) for side, rows in bulks.items()}
    there = [k for k in dimensions if k <= len(bulks["right"])]
    tables = [compared(bulks["right"], bulks["left"], there, exact, model="jacobian", side="left")]
    spectra = {"jacobian": parts["S"]}
    del parts, order
    optimizer = problem.settings["optimizer"]
    rates = np.broadcast_to(np.asarray(rate(problem, trajectory.steps)), trajectory.steps)
    for model, H, function in models(problem, trajectory, rates, optimizer):
        values, vectors = scipy.linalg.eigh(H, overwrite_a=True, check_finite=False, driver="evd")
        made = np.abs(function(values))
        spectra[model] = np.sort(made)[::-1]
        bulk = vectors.T[subspaces.nearest_to_one(made)]
        # what no gradient touches is in the null space of each H, so that it is taken out alike
        bulk = exact_bulk.take_out(bulk, exact)
        tables += [compared(bulk, rows, there, exact, model=model, side=side) for side, rows in bulks.items()]
        tables.append(random(bulk, there, exact, model))
    counts = [
        {"model": model, "threshold": threshold, "count_below": int((np.abs(S - 1) < threshold).sum())}
        for model, S in spectra.items()
        for threshold in settings["thresholds"]
    ]
    sigmas = {model: pd.DataFrame({"index": np.arange(1, len(S) + 1), "sigma": S}) for model, S in spectra.items()}
    indexed = [each.assign(model=model) for model, each in sigmas.items()]
    return {"spectra.csv": pd.concat(indexed), "counts.csv": pd.DataFrame(counts), "overlaps.csv": pd.concat(tables)}


def rate(problem: Any, steps: int) -> Any:
    """eta_t, a number or (T,)."""
    made = problem.learning_rate
    return np.array([float(made(step)) for step in range(steps)]) if callable(made) else made


def models(
    problem: Any, trajectory: Any, rates: np.ndarray, optimizer: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray, Callable[[np.ndarray], np.ndarray]]]:
    """Each null model: its symmetric matrix (N, N), and what it makes of the eigenvalues."""
    mu = float(optimizer.get("momentum") or 0)
    nesterov = bool(optimizer.get("nesterov", False))
    whole, start = of_training_set(problem), np.asarray(trajectory.start.theta, np.float64)
    progress = Progress("Hessians", 2 * len(start), "columns")
    H = in_blocks(lambda V: whole.products(start, V)[None], len(start), progress)[0]
    yield "initial", H, lambda values: np.prod(1 - rates[:, None] * values, axis=0)
    weights = np.stack([np.full(len(rates), 1 / len(rates)), effective(rates, mu)])
    summed = Summed(problem.gradient, problem.batches, trajectory)
    H, M = in_blocks(lambda V: summed.products(V, weights), len(start), progress)
    yield "average", H, lambda values: descended(values, rates, mu, nesterov)
    yield "summed", M, lambda values: np.exp(-values)


def in_blocks(products: Callable[[np.ndarray], np.ndarray], size: int, progress: Progress) -> np.ndarray:
    """Symmetric matrices (W, N, N) from their products (W, K, N) with unit vectors."""
    made: np.ndarray | None = None
    for first in range(0, size, BLOCK):
        units = np.eye(min(BLOCK, size - first), size, k=first)
        block = products(units)
        made = np.empty((len(block), size, size)) if made is None else made
        made[:, first : first + len(units)] = block
        progress.advance(len(units))
    assert made is not None
    for each in made:
        each += each.T.copy()
        each /= 2
    return made


def effective(rates: np.ndarray, mu: float) -> np.ndarray:
    """w_s = sum_{t >= s} eta_t mu^(t - s) (T,): how far the gradient of step s moves the end, were it the only one."""
    made, total = np.empty(len(rates)), 0.0
    for step in range(len(rates) - 1, -1, -1):
        total = rates[step] + mu * total
        made[step] = total
    return made


def descended(values: np.ndarray, rates: np.ndarray, mu: float, nesterov: bool = False) -> np.ndarray:
    """Where SGD with momentum takes 1 on the quadratics lambda x^2 / 2, `values` the lambdas: m' = lambda x + mu m."""
    x, m = np.ones_like(values), np.zeros_like(values)
    for eta in rates:
        gradient = values * x
        m = gradient + mu * m
        x = x - eta * (gradient + mu * m if nesterov else m)
    return x


def compared(A: np.ndarray, B: np.ndarray, dimensions: list[int], exact: np.ndarray, **of: str) -> pd.DataFrame:
    """Overlaps of two bulks, nearest to 1 first, without the exact bulk."""
    return subspaces.overlap(A, B, dimensions, 1 / (A.shape[1] - exact.shape[1])).assign(**of)


def random(bulk: np.ndarray, dimensions: list[int], exact: np.ndarray, model: str) -> pd.DataFrame:
    """Of a model's bulk with random spaces."""
    other = subspaces.random_subspace(max(dimensions), bulk.shape[1], 0, without=exact)
    return compared(bulk, other, dimensions, exact, model=model, side="random")
