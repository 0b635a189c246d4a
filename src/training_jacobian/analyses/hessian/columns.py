"""What the table of runs says of the Hessian."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check

LAST = 1000  # steps, of which means are taken: as in table 1 of Gur-Ari et al.


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Largest eigenvalue at the end, and the largest outside of the top space; mean f_top and overlap late."""
    eigenvalues = pd.read_csv(check(folder / "eigenvalues.csv"))
    end = eigenvalues[eigenvalues["step"] == eigenvalues["step"].max()]
    late = last(pd.read_csv(check(folder / "gradient.csv")))
    return {
        "hessian_largest": float(end["eigenvalue"].iloc[0]),
        "hessian_next": float(end.loc[~end["top"], "eigenvalue"].iloc[0]),
        "f_top_late": float(late["f_top"].mean()),
        "overlap_late": float(late["overlap"].mean()),
    }


def last(gradient: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last 1000 steps, the very last state left out: each is of a step that was taken."""
    end = gradient["step"].max()
    return gradient[(gradient["step"] >= end - LAST) & (gradient["step"] < end)]
