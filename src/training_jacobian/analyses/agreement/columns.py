"""What the table of runs, and figures, say of whether J describes how training answers."""

from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.artifacts.store import check
from training_jacobian.jacobian.verdict import TOLERANCE, up_to, worst


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """`response_error`, as a part of |J v|, whether it is small, and the largest step for which it is."""
    table = _table(folder)
    error = worst(table)
    return {"response_error": error, "describes_response": error <= TOLERANCE, "describes_steps_up_to": up_to(table)}


def mark(folder: Path) -> str | None:
    """What figures say of a run whose J does not describe how it answers."""
    return None if worst(_table(folder)) <= TOLERANCE else "J does not describe how training answers"


def _table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(check(folder / "differences.csv"))
