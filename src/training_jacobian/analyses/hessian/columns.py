"""What the table of runs says of the Hessian."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check
from training_jacobian.figures.late import late


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Largest eigenvalue at the end, and the largest outside of the top space; means over the last 1000 steps."""
    eigenvalues = pd.read_csv(check(folder / "eigenvalues.csv"))
    end = eigenvalues[eigenvalues["step"] == eigenvalues["step"].max()]
    steps = late(pd.read_csv(check(folder / "gradient.csv")))
    return {
        "hessian_largest": float(end["eigenvalue"].iloc[0]),
        "hessian_next": float(end.loc[~end["top"], "eigenvalue"].iloc[0]),
        "f_top_late": float(steps["f_top"].mean()),
        "overlap_late": float(steps["overlap"].mean()),
        "overlap_late_deviation": float(steps["overlap"].std()),
    }
