"""What the table of runs, and figures, say of whether J describes how training answers."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check

TOLERANCE = 0.05  # of |J v|, as in jacobian/differences.py


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """`response_error`, as a part of |J v|, whether it is small, and the largest step for which it is."""
    error, table = _error(folder), pd.read_csv(folder / "differences.csv")
    errors = table["error"].fillna(float("inf")).groupby(table["size"]).max()
    largest = float(errors.index[errors <= TOLERANCE].max())
    return {"response_error": error, "describes_response": error <= TOLERANCE, "describes_steps_up_to": largest}


def mark(folder: Path) -> str | None:
    """What figures say of a run whose J does not describe how it answers."""
    return None if _error(folder) <= TOLERANCE else "J does not describe how training answers"


def _error(folder: Path) -> float:
    """The second least over the sizes, the largest of the directions; infinite where trainings did not end."""
    table = pd.read_csv(check(folder / "differences.csv"))
    by_direction = table["error"].fillna(float("inf")).groupby(table["direction"])
    return float(by_direction.apply(lambda each: sorted(each)[1]).max())
