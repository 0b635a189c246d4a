"""What the singular values say: regions, counts, and how far directions turn during training."""

import numpy as np
import pandas as pd


def regions(S: np.ndarray, tolerance: float) -> np.ndarray:
    """`chaotic` (sigma > 1 + tolerance), `bulk` or `stable` (sigma < 1 - tolerance), for each of S (N,)."""
    return np.where(np.abs(S - 1) <= tolerance, "bulk", np.where(S > 1, "chaotic", "stable"))


def directions(U: np.ndarray, S: np.ndarray, Vt: np.ndarray, tolerance: float) -> pd.DataFrame:
    """One row a singular direction: index from 1, sigma, |sigma - 1|, region, cosine u_i . v_i."""
    return pd.DataFrame(
        {
            "index": np.arange(1, len(S) + 1),
            "sigma": S,
            "distance_from_one": np.abs(S - 1),
            "region": regions(S, tolerance),
            "cosine_uv": np.einsum("ni,in->i", U, Vt),
        }
    )


def counts(S: np.ndarray, thresholds: list[float]) -> pd.DataFrame:
    """One row a threshold: how many of |sigma - 1| lie below it."""
    below = [int((np.abs(S - 1) < threshold).sum()) for threshold in thresholds]
    return pd.DataFrame({"threshold": thresholds, "count_below": below})
