"""The subspace stage: training inside subspaces."""

import zlib
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd

from training_jacobian import store, subspace_training, subspaces
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem


def make_subspace(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `losses.csv`: one row a kind of subspace and dimension."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"][0]
    parts = store.read_hdf5(svd_file, recipe, "svd", ["S", "Vt"])
    settings = parameters(recipe)["subspace"]
    dimensions = subspaces.grid(settings["dimensions"])
    draw = zlib.crc32(theta.tobytes(), settings["seed"])  # each start has its own
    random = subspaces.random_subspace(max(dimensions), len(theta), draw)
    ranks = subspace_training.ranks(parts["S"])
    tables = []
    for kinds, basis in ((ranks, parts["Vt"]), ({"random": np.arange(len(random))}, random)):
        masks = np.concatenate([[rank < k for k in dimensions] for rank in kinds.values()])
        ends = subspace_training.train_in_subspaces(
            problem.gradient, problem.optimizer, jnp.asarray(problem.batches), theta, basis.astype(problem.dtype), masks
        )
        loss, accuracy = problem.evaluate(jnp.asarray(ends), "test")
        rows = [{"kind": kind, "dimension": k} for kind in kinds for k in dimensions]
        tables.append(pd.DataFrame(rows).assign(test_loss=np.asarray(loss), test_accuracy=np.asarray(accuracy)))
    store.write_recipe(out, recipe, str(problem.dtype))
    store.write_csv(out / "losses.csv", pd.concat(tables))
