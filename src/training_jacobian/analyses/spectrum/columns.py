"""What the table of runs says of a spectrum."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Its summary, and how many |sigma - 1| lie below each threshold."""
    counts = pd.read_csv(check(folder / "counts.csv"))
    below = {f"distance_from_one_below_{row.threshold:g}": row.count_below for row in counts.itertuples(index=False)}
    return {**json.loads(check(folder / "summary.json").read_text()), **below}
