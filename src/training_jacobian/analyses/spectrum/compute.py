"""What the singular values say: regions, counts, and how far directions turn during training."""

from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.learning import exact_bulk
from training_jacobian.run import Run

EPOCHS = ["epochs/test_loss", "epochs/test_accuracy", "epochs/train_loss"]


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`directions.csv`, `counts.csv` and `summary.json`.

    `exact` tells which directions are of the measured exact bulk, empty where rounding hides it.  Raises
    ArithmeticError if J does not keep the predicted one.
    """
    parts, epochs = run.read("svd"), run.read("train", EPOCHS)
    U, S, Vt = parts["U"], parts["S"], parts["Vt"]
    exact = exact_bulk.of_run(run.parameters, run.inputs, parts)
    table = directions(U, S, Vt, settings["bulk_tolerance"])
    table["exact"] = exact_bulk.are_exact(Vt, exact)
    summary: dict[str, Any] = {
        "parameters": len(S),
        **{f"sigma_{i + 1}": float(S[i]) for i in range(min(3, len(S)))},
        **{f"{region}_directions": int((table["region"] == region).sum()) for region in ("chaotic", "bulk", "stable")},
        "exact_bulk_predicted": exact.predicted,
        "exact_bulk_measured": None if exact.measured is None else exact.measured.shape[1],
        "exact_bulk_defect": exact.defect,
        "svd_residual": float(parts["residual"]),
        **{name.removeprefix("epochs/"): _last(values) for name, values in epochs.items()},
    }
    counted = counts(S, settings["thresholds"])
    return {"directions.csv": table, "counts.csv": counted, "summary.json": summary}


def _last(values: np.ndarray) -> float | None:
    """The last of some numbers; None where there is none, as of the accuracy of a regression."""
    return float(values[-1]) if np.isfinite(values[-1]) else None


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
