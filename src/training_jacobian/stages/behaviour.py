"""The behaviour stage."""

from pathlib import Path

import numpy as np
import pandas as pd

from training_jacobian import behaviour, exact_bulk, store
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem


def make_behaviour(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `divergence.csv`, KL(theta_T + s v_i || theta_T) by inputs, and `displacement.csv`, one row an i.

    `exact` tells which directions are of the measured exact bulk, empty where rounding hides it.
    """
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"].astype(np.float64)
    parts = store.read_hdf5(svd_file, recipe, "svd", ["U", "S", "Vt"])
    S, Vt = parts["S"], parts["Vt"]
    chosen = parameters(recipe)
    settings = chosen["behaviour"]
    exact = exact_bulk.are_exact(Vt, exact_bulk.of_run(chosen, np.asarray(problem.examples["inputs_train"]), parts))
    del parts
    inputs = behaviour.probes(problem.examples, settings["seed"])
    directions = pd.DataFrame({"index": np.arange(1, len(S) + 1), "sigma": S}).assign(exact=exact)
    progress = Progress("Divergence", len(S) * len(inputs), "networks")
    tables = []
    for name, each in inputs.items():
        largest, mean = behaviour.divergence(problem.logits, theta[-1], settings["size"] * Vt, each, progress.advance)
        tables.append(directions.assign(inputs=name, kl_max=largest, kl_mean=mean))
    displacement = directions.assign(displacement=np.abs(Vt @ (theta[-1] - theta[0])))
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "divergence.csv", pd.concat(tables))
    store.write_csv(out / "displacement.csv", displacement)
