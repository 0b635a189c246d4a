"""The Hessian's top spaces, and gradients, in the regions of the training Jacobian."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.linalg import LinearOperator

from training_jacobian.jacobian import states
from training_jacobian.jacobian.summed import Summed
from training_jacobian.learning import exact_bulk
from training_jacobian.learning.whole import classes, of_training_set
from training_jacobian.run import Run
from training_jacobian.spectral import subspaces
from training_jacobian.spectral.eigen import largest


def regions_of(S: np.ndarray, tolerance: float) -> np.ndarray:
    """`chaotic`, `bulk` or `stable`, as in the spectrum, for each of S (N,)."""
    return np.where(np.abs(S - 1) <= tolerance, "bulk", np.where(S > 1, "chaotic", "stable"))


class Regions:
    """Orthonormal bases of the regions, on either side of J, the measured exact bulk left out.

    `right` are right singular directions, of theta_0; `left` left ones, of theta_T.
    """

    def __init__(self, run: Run, tolerance: float) -> None:
        parts = run.read("svd", ["U", "S", "Vt"])
        self.exact = exact_bulk.to_take_out(run.parameters, run.inputs, parts)
        named = regions_of(parts["S"], tolerance)
        self.bases: dict[tuple[str, str], np.ndarray] = {}
        for side, rows in (("right", parts["Vt"]), ("left", parts["U"].T)):
            for region in ("chaotic", "bulk", "stable"):
                own = rows[named == region]
                # of what is exact J is 1, so that it lies in the bulk
                left = exact_bulk.take_out(own, self.exact) if region == "bulk" and self.exact.shape[1] else own
                self.bases[side, region] = left

    def outside(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (N, m) without their part in the exact bulk."""
        left: np.ndarray = vectors - self.exact @ (self.exact.T @ vectors)
        return left

    def shares(self, vectors: np.ndarray, **of: Any) -> list[dict[str, Any]]:
        """One row a side and region: which part of |vectors|^2, (N, m), lies in it, and what chance gives."""
        inside = self.outside(vectors)
        whole, size = np.sum(inside**2), len(vectors) - self.exact.shape[1]
        rows = []
        for (side, region), basis in self.bases.items():
            share, chance = float(np.sum((basis @ inside) ** 2) / whole), len(basis) / size
            corrected = (share - chance) / (1 - chance) if chance < 1 else np.nan
            row = {"side": side, "region": region, "dimension": len(basis)}
            rows.append({**of, **row, "share": share, "chance": chance, "chance_corrected": corrected})
        return rows


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """Which part of spaces and of vectors lies in J's chaotic, bulk and stable regions, right and left.

    The exact bulk, in which neither gradients nor top spaces have a part, is left out of the regions and of chance.

    - `spaces.csv`: of the top k eigenvectors of the Hessian of the whole training loss at each checkpoint (`top`), of
      the Hessians of the batches averaged over the training (`average`), and of a `random` space.
    - `path.csv`: of theta_T - theta_0 (`displacement`), and of the gradient on the whole training set at each
      checkpoint and at all others that are kept (`gradient`), with its norm.
    """
    trajectory, problem = run.trajectory(), run.problem
    whole, regions = of_training_set(problem), Regions(run, settings["bulk_tolerance"])
    k = settings.get("space") or classes(problem)
    theta = np.asarray(run.theta, np.float64)
    every = trajectory.steps // (len(theta) - 1)
    checkpoints, start = sorted({*settings["checkpoints"], trajectory.steps}), None
    spaces: list[dict[str, Any]] = []
    for step in checkpoints:
        at = states.theta(trajectory, step)
        vectors = largest(whole.hessian(at), k, settings["tolerance"], start).vectors
        start = vectors.sum(axis=1)
        spaces += regions.shares(vectors, what="top", step=step)
    average = largest(averaged(problem, trajectory), k, settings["tolerance"], start)
    spaces += regions.shares(average.vectors, what="average")
    random = subspaces.random_subspace(k, len(theta[0]), settings["seed"], regions.exact)
    spaces += regions.shares(random.T, what="random")
    moved = theta[-1] - theta[0]
    path = regions.shares(moved[:, None], what="displacement", norm=np.linalg.norm(moved))
    for row, at in enumerate(theta):
        gradient = whole.loss_and_gradient(at)[1]
        path += regions.shares(gradient[:, None], what="gradient", step=row * every, norm=np.linalg.norm(gradient))
    return {"spaces.csv": pd.DataFrame(spaces), "path.csv": pd.DataFrame(path)}


def averaged(problem: Any, trajectory: Any) -> LinearOperator:
    """The mean over the steps of the Hessian of each step's batch, where it was taken."""
    weights = np.full(trajectory.steps, 1 / trajectory.steps)
    return Summed(problem.gradient, problem.batches, trajectory).operator(weights)
