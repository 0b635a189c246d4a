"""What a paper states, as numbers, what the same quantities are here, and a verdict by one rule.

Published values: `text`, `code` and `table` are printed by the authors, `figure` is read off a figure, to about 2 % of
its axis or what its slope allows.  Verdict: `agrees` if our value lies in [low, high], the published value and its
uncertainty; `agrees within seeds` if the mean over all seeds +- 2 standard deviations reaches into it; else `differs`.
Ranges of statements without a published number are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.artifacts.store import check

EMPTY = float("nan")


class Tables:
    """Tables of one run, or of one comparison, by stage; `folders` are theirs."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders

    def read(self, stage: str, file: str, **where: Any) -> pd.DataFrame:
        """Rows of a table in which each column named in `where` has that value; none if there is no such stage."""
        if stage not in self.folders:
            return pd.DataFrame()
        table = pd.read_csv(check(self.folders[stage] / file))
        for column, value in where.items():
            table = table[np.isclose(table[column], value) if isinstance(value, float) else table[column] == value]
        return table

    def value(self, stage: str, file: str, column: str, **where: Any) -> float:
        """The one number of such a row; not a number if there is none."""
        table = self.read(stage, file, **where)
        return float(table[column].iloc[0]) if len(table) else EMPTY


Quantity = Callable[[Tables], float]


@dataclass(frozen=True)
class Statement:
    """One statement: of which part of `summary` in params.yaml, what, the published value, its range, and ours."""

    part: str
    text: str
    source: str
    paper: float | None
    low: float
    high: float
    ours: Quantity


def around(part: str, text: str, source: str, paper: float, uncertainty: float, ours: Quantity) -> Statement:
    """A published value and its uncertainty."""
    return Statement(part, text, source, paper, paper - uncertainty, paper + uncertainty, ours)


def judge(statement: Statement, ours: float, mean: float, deviation: float) -> str:
    """The verdict, by the rule above; `not computed` if the table that has the value is not there."""
    if np.isnan(ours):
        return "not computed"
    if statement.low <= ours <= statement.high:
        return "agrees"
    if mean - 2 * deviation <= statement.high and mean + 2 * deviation >= statement.low:
        return "agrees within seeds"
    return "differs"


def table(statements: list[Statement], parts: dict[str, list[Tables]]) -> pd.DataFrame:
    """One row a statement of a part that has runs; `parts` are the runs or comparisons of each."""
    rows = []
    for each in statements:
        if each.part not in parts:
            continue
        values = [each.ours(tables) for tables in parts[each.part]]
        several = len(values) > 1 and bool(np.isfinite(values).all())
        mean, deviation = (float(np.mean(values)), float(np.std(values, ddof=1))) if several else (EMPTY, EMPTY)
        rows.append(
            {
                "part": each.part,
                "statement": each.text,
                "source": each.source,
                "paper": each.paper,
                "low": each.low,
                "high": each.high,
                "ours": values[0],
                "mean": mean,
                "standard_deviation": deviation,
                "runs": int(np.count_nonzero(~np.isnan(values))),
                "verdict": judge(each, values[0], mean, deviation),
            }
        )
    return pd.DataFrame(rows)
