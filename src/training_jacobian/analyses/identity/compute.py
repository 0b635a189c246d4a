"""Singular values of J - I."""

from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.run import Run
from training_jacobian.spectral import svd


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`sigma.csv`: singular values of J - I, rising; the small ones count what training leaves alone."""
    sigma = svd.of_difference(run.read("jacobian")["J"])
    return {"sigma.csv": pd.DataFrame({"index": np.arange(1, len(sigma) + 1), "sigma": sigma})}
