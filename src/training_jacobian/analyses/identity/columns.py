"""What the table of runs says of J - I."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """How many singular values of J - I lie below each threshold of the section `spectrum`."""
    sigma, thresholds = pd.read_csv(check(folder / "sigma.csv"))["sigma"], settings["spectrum"]["thresholds"]
    return {f"sigma_minus_identity_below_{threshold:g}": int((sigma < threshold).sum()) for threshold in thresholds}
