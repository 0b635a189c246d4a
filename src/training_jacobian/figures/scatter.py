"""Any column of the table of runs against any other."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, legend
from training_jacobian.section import nearest


def named(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The table, if it has the columns that the options name.  Raises ValueError if not."""
    for option in ("x", "y", "color", "panels"):
        if option in options and options[option] not in table:
            raise ValueError(
                f"{option} = {options[option]!r} is no column of the table of runs; {_hint(table, options[option])}"
            )
    return table


def _hint(table: pd.DataFrame, word: str) -> str:
    return nearest(word, list(table))


def scatter(figure: Figure, table: pd.DataFrame) -> None:
    """A panel for each value of a column, a colour for each of another; the options are in `table.attrs`."""
    options = table.attrs["options"]
    x, y, color, by = (options.get(name) for name in ("x", "y", "color", "panels"))
    groups = [(None, table)] if by is None else list(table.groupby(by, sort=True, dropna=False))
    panels = figure.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (value, some) in zip(panels, groups, strict=True):
        for label, each in [(None, some)] if color is None else some.groupby(color, sort=True, dropna=False):
            ordered = each.sort_values(x)
            axes.plot(ordered[x], ordered[y], "o-", label=None if color is None else f"{color} = {label}")
        axes.set(xlabel=x, title="" if by is None else f"{by} = {value}")
        for axis in options.get("log", []):
            axes.set(**{f"{axis}scale": "log"})
    panels[0].set_ylabel(y)
    legend(panels[0])


PLOT = Plot(scatter, select=named)
