"""The angles stage: bulk subspaces of two runs compared."""

from pathlib import Path

import numpy as np
import pandas as pd

from training_jacobian import exact_bulk, layout, store, subspaces
from training_jacobian.recipe import Recipe, parameters


def bulk(recipe: Recipe, data_file: Path, svd_file: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Right singular vectors as rows (N, N), nearest to sigma = 1 first; basis (N, b) of the exact bulk, and b."""
    parts = store.read_hdf5(svd_file, recipe, "svd", ["S", "Vt"])
    inputs = store.read_hdf5(data_file, recipe, "data", ["inputs_train"])["inputs_train"]
    chosen = parameters(recipe)
    basis = exact_bulk.basis(layout.shapes_of(chosen["data"], chosen["model"]), inputs)
    return parts["Vt"][subspaces.nearest_to_one(parts["S"])], basis, basis.shape[1]


def make_angles(recipe: Recipe, data_files: list[Path], svd_files: list[Path], out: Path) -> None:
    """Folder with `overlaps.csv`: one row a dimension, with the exact bulk kept or removed, against bulk or random."""
    settings = parameters(recipe)["angles"]
    dimensions, seed = subspaces.grid(settings["dimensions"]), settings["seed"]
    recipes = (recipe["from"], recipe["with"])
    (A, taken_A, exact_A), (B, taken_B, exact_B) = map(bulk, recipes, data_files, svd_files)
    size, largest, tables = len(A), max(dimensions), []

    def compare(left: np.ndarray, right: np.ndarray, chance: float, **columns: str) -> None:
        tables.append(subspaces.overlap(left, right, dimensions, chance).assign(**columns))

    compare(A, B, subspaces.chance(size), exact_bulk="kept", against="bulk")
    compare(
        A, subspaces.random_subspace(largest, size, seed), subspaces.chance(size), exact_bulk="kept", against="random"
    )
    A, B = subspaces.take_out(A, taken_A, exact_A), subspaces.take_out(B, taken_B, exact_B)
    chance = subspaces.chance(size, taken_A, taken_B)
    compare(A, B, chance, exact_bulk="removed", against="bulk")
    random = subspaces.random_subspace(largest, size, seed, without=taken_B)
    compare(A, random, chance, exact_bulk="removed", against="random")
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "overlaps.csv", pd.concat(tables))
