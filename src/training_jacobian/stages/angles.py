"""The angles stage: bulk subspaces of two runs compared."""

from pathlib import Path

import numpy as np
import pandas as pd

from training_jacobian import exact_bulk, store, subspaces
from training_jacobian.recipe import Recipe, parameters


def bulk(recipe: Recipe, data_file: Path, svd_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Right singular vectors as rows (N, N), nearest to sigma = 1 first; basis (N, e) of the measured exact bulk."""
    parts = store.read_hdf5(svd_file, recipe, "svd", ["U", "S", "Vt"])
    inputs = store.read_hdf5(data_file, recipe, "data", ["inputs_train"])["inputs_train"]
    taken = exact_bulk.to_take_out(parameters(recipe), inputs, parts)
    return parts["Vt"][subspaces.nearest_to_one(parts["S"])], taken


def make_angles(recipe: Recipe, data_files: list[Path], svd_files: list[Path], out: Path) -> None:
    """Folder with `overlaps.csv`: one row a dimension, with the exact bulk kept or removed, against bulk or random.

    `removed_from` and `removed_with`: directions taken out of either run.  Dimensions that are no longer there are
    left out.
    """
    settings = parameters(recipe)["angles"]
    dimensions, seed = subspaces.grid(settings["dimensions"]), settings["seed"]
    (A, taken_A), (B, taken_B) = map(bulk, (recipe["from"], recipe["with"]), data_files, svd_files)
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
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "overlaps.csv", pd.concat(tables))
