"""One table of all runs."""

import json
from pathlib import Path

import pandas as pd

from training_jacobian.store import check


def runs(spectra: dict[str, Path]) -> pd.DataFrame:
    """One row a run: its summary, and its counts below each threshold; `spectra` are spectrum folders by run."""
    rows = []
    for run, folder in spectra.items():
        counts = pd.read_csv(check(folder / "counts.csv"))
        below = {f"{row.quantity}_below_{row.threshold:g}": row.count_below for row in counts.itertuples(index=False)}
        rows.append({"run": run, **json.loads(check(folder / "summary.json").read_text()), **below})
    table = pd.DataFrame(rows)
    for name in table:
        if all(isinstance(row[name], int | None) for row in rows):
            table[name] = table[name].astype("Int64")  # a count that one run lacks stays a whole number
    return table
