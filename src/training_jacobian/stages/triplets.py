"""The partial SVD stage: largest singular triplets from products with J."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

from training_jacobian import partial_svd, store
from training_jacobian.linear_operator import TrainingJacobian
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.remembered import Remembered
from training_jacobian.stages.stored import trajectory

MEMORY = 2**30  # bytes for linearised steps: the fewer segments, the less is allocated and freed


def make_triplets(recipe: Recipe, data_file: Path, train_file: Path, out: Path) -> None:
    """Folder with `triplets.h5`: of each operator U (N, r), S (r,), Vt (r, N), bound (r,), those that have converged.

    And `triplets.csv`, one row for each that was asked for, empty where it has not converged.
    """
    settings = parameters(recipe)["svd"]
    rank, most = settings["rank"], settings["products"]
    J = TrainingJacobian(trajectory(recipe, data_file, train_file), memory=MEMORY)
    operators = {"J": J, "J_minus_identity": J - aslinearoperator(scipy.sparse.eye_array(J.shape[0]))}
    datasets: dict[str, np.ndarray] = {}
    tables = []
    for name in settings["operators"]:
        kept = Remembered(operators[name], out / f"products-{name}")
        progress = Progress(f"triplets of {name}", min(most, J.shape[0]), "products at most")
        arguments = (rank, settings["tolerance"], settings["block"], most, settings["seed"], progress.advance)
        found = partial_svd.largest(kept, *arguments)
        good = found["converged"]
        whole = {
            "U": found["U"][:, good],
            "Vt": found["Vt"][good],
            "S": found["S"][good],
            "bound": found["bound"][good],
        }
        datasets |= {f"{name}/{part}": values for part, values in whole.items()}
        columns = {"sigma": found["S"], "bound": found["bound"]}
        columns |= {"left_residual": found["residual"][:, 0], "right_residual": found["residual"][:, 1]}
        table = pd.DataFrame({"operator": name, "index": np.arange(1, rank + 1), **columns})
        table.loc[~good, list(columns)] = np.nan
        tables.append(table.assign(converged=good, products=int(found["products"])))
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "triplets.csv", pd.concat(tables))
    store.write_hdf5(out / "triplets.h5", datasets, recipe, dtype="float64", dtype_of_J=str(J.dtype), operator=str(J))
    for name in settings["operators"]:
        shutil.rmtree(out / f"products-{name}", ignore_errors=True)
