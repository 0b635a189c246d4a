"""The density stage: how many directions training leaves nearly as they are."""

import shutil
from pathlib import Path

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

from training_jacobian import density, store
from training_jacobian.linear_operator import TrainingJacobian
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.remembered import Remembered
from training_jacobian.stages.stored import trajectory
from training_jacobian.stages.triplets import MEMORY


def make_density(recipe: Recipe, data_file: Path, train_file: Path, triplets_file: Path, out: Path) -> None:
    """Folder with `counts.csv`: number of singular values of J - I, of N, below each threshold.

    And `bulk.h5`: V (N, probes), a direction of each probe that training changes little, and |J v - v| (probes,).
    The right singular vectors of J - I are deflated if they were asked for, else those of J, which say less of J - I.
    """
    settings = parameters(recipe)["density"]
    own = "J_minus_identity" in parameters(recipe)["svd"]["operators"]
    name = "J_minus_identity" if own else "J"
    parts = [f"{name}/{part}" for part in ("Vt", "S", "bound")]
    deflated, S, bound = store.read_hdf5(triplets_file, recipe, "triplets", parts).values()
    J = TrainingJacobian(trajectory(recipe, data_file, train_file), memory=MEMORY)
    size = J.shape[0]
    folder = out / "products"
    kept = Remembered(J - aslinearoperator(scipy.sparse.eye_array(size)), folder)
    progress = Progress("density", settings["steps"], "Lanczos steps")
    probes, steps, seed = settings["probes"], settings["steps"], settings["seed"]
    found = density.quadrature(kept, deflated.T, probes, steps, seed, progress.advance)
    if not own:  # Weyl; and S, of a projection of J, is but for rounding at most that of J (interlacing)
        S, bound = S - np.minimum(bound, density.SINGLE * S) - 1, np.full(len(S), np.inf)
    table = density.counts(found, settings["thresholds"], S, bound)
    store.write_recipe(out, recipe, "float64")
    store.write_hdf5(out / "bulk.h5", {"V": found.vectors, "changed_by": found.nodes[:, 0]}, recipe, dtype="float64")
    store.write_csv(out / "counts.csv", table.assign(parameters=size, deflated=len(deflated)))
    shutil.rmtree(folder, ignore_errors=True)
