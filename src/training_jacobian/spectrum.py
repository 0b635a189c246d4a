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


def counts(S: np.ndarray, S_minus_identity: np.ndarray, thresholds: list[float]) -> pd.DataFrame:
    """One row a quantity and threshold: how many of |sigma(J) - 1|, and of sigma(J - I), lie below it."""
    quantities = {"distance_from_one": np.abs(S - 1), "sigma_minus_identity": S_minus_identity}
    return pd.DataFrame(
        [
            {"quantity": name, "threshold": threshold, "count_below": int((values < threshold).sum())}
            for name, values in quantities.items()
            for threshold in thresholds
        ]
    )


def identity(S_minus_identity: np.ndarray) -> pd.DataFrame:
    """One row a singular value of J - I (N,), rising: the small ones count the directions carried through unchanged."""
    return pd.DataFrame({"index": np.arange(1, len(S_minus_identity) + 1), "sigma": np.sort(S_minus_identity)})


def exact_bulk_count(S: np.ndarray, dtype: str) -> int | None:
    """Number of |sigma - 1| below 1e-10; None for float32, whose rounding (about 1e-6) hides it."""
    return int((np.abs(S - 1) < EXACT).sum()) if dtype == "float64" else None
