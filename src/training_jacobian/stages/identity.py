"""The identity stage: how far J is from leaving directions as they are."""

from pathlib import Path

import numpy as np
import pandas as pd

from training_jacobian import store, svd
from training_jacobian.recipe import Recipe


def make_identity(recipe: Recipe, jacobian_file: Path, out: Path) -> None:
    """Folder with `sigma.csv`: singular values of J - I, rising; the small ones count what training leaves alone."""
    sigma = svd.of_difference(store.read_hdf5(jacobian_file, recipe, "jacobian")["J"])
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "sigma.csv", pd.DataFrame({"index": np.arange(1, len(sigma) + 1), "sigma": sigma}))
