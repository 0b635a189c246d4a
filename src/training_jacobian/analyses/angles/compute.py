"""Bulk subspaces of two runs compared."""

from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.learning import exact_bulk
from training_jacobian.run import Run
from training_jacobian.spectral import subspaces


def bulk(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Right singular vectors as rows (N, N), nearest to sigma = 1 first; basis (N, e) of the measured exact bulk."""
    parts = run.read("svd", ["U", "S", "Vt"])
    taken = exact_bulk.to_take_out(run.parameters, run.inputs, parts)
    return parts["Vt"][subspaces.nearest_to_one(parts["S"])], taken


def compute(runs: list[Run], settings: dict[str, Any]) -> dict[str, Any]:
    """`overlaps.csv`: one row a dimension, with the exact bulk kept or removed, against bulk or random.

    `removed_from` and `removed_with`: directions taken out of either run.  Dimensions that are no longer there are
    left out.
    """
    dimensions, seed = subspaces.grid(settings["dimensions"]), settings["seed"]
    (A, taken_A), (B, taken_B) = map(bulk, runs)
    size, tables = len(A), []

    def compare(exact: str, A: np.ndarray, B: np.ndarray, taken: tuple[np.ndarray, ...] = ()) -> None:
        there = [k for k in dimensions if k <= min(len(A), len(B))]
        if not there:
            return
        removed = [each.shape[1] for each in taken] or [0, 0]
        random = subspaces.random_subspace(max(there), size, seed, without=taken[1] if taken else None)
        for against, right in {"bulk": B, "random": random}.items():
            table = subspaces.overlap(A, right, there, subspaces.chance(size, *taken))
            table = table.assign(exact_bulk=exact, against=against)
            tables.append(table.assign(removed_from=removed[0], removed_with=removed[1]))

    compare("kept", A, B)
    compare("removed", exact_bulk.take_out(A, taken_A), exact_bulk.take_out(B, taken_B), (taken_A, taken_B))
    return {"overlaps.csv": pd.concat(tables)}
