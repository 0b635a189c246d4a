"""Numbers and tables as text."""

from typing import Any

import numpy as np
import pandas as pd

ROWS = 100  # of a table that are put into the page


def text(value: Any) -> str:
    """A number to six digits; nothing for what is missing."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)) or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def table(frame: pd.DataFrame, rows: int = ROWS) -> dict[str, Any]:
    """Header and rows as text, thinned evenly to so many; how many there are."""
    shown = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, rows).astype(int))] if len(frame) > rows else frame
    cells = [[text(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    return {"columns": list(frame), "rows": cells, "all": len(frame)}
