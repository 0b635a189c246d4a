"""What the table of runs says of triplets."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The largest singular values of J as far as they have converged, and how many have."""
    table = pd.read_csv(check(folder / "triplets.csv"))
    sigma = table[(table["operator"] == "J") & table["converged"]].set_index("index")["sigma"]
    return {**{f"sigma_{i}": value for i, value in sigma.items() if i <= 3}, "triplets": len(sigma)}
