"""What the singular values say: regions, counts, and how far directions turn during training."""

import numpy as np
import pandas as pd

EXACT = 1e-10  # |sigma - 1| below this counts as exact in float64; rounding leaves about 1e-14


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


def exact_bulk_count(S: np.ndarray, dtype: str) -> int | None:
    """Number of |sigma - 1| below 1e-10; None for float32, whose rounding (about 1e-6) hides it."""
    return int((np.abs(S - 1) < EXACT).sum()) if dtype == "float64" else None
