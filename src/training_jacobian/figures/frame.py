"""What all figures share: size, fonts, colours, and the same bytes every time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

FLOOR = float(np.finfo(np.float64).eps)  # what lies below the rounding of float64 is drawn here
NOTE = "note"  # in `table.attrs`: what is to be said of its runs
UNIT = "unit"  # in `table.attrs`: the unit of losses, such as nats


@dataclass(frozen=True)
class Plot:
    """How to draw one kind of figure."""

    draw: Callable[[Figure, pd.DataFrame], None]  # onto a figure, from a tidy table
    width: float = 1.0  # times the width of `figures.style`
    height: float = 1.0
    # what of the table is shown, by the options of the figure
    select: Callable[[pd.DataFrame, dict[str, Any]], pd.DataFrame] = lambda table, options: table

    def save(self, table: pd.DataFrame, style: dict[str, Any], targets: dict[str, Path]) -> None:
        """Draw a figure into each of `targets`: a file by its format, `pdf` or `png`."""
        _save(self, table, style, targets)


def in_unit(what: str, table: pd.DataFrame) -> str:
    """A label, with the unit of losses in brackets if they have one."""
    unit = table.attrs.get(UNIT)
    return f"{what} ({unit})" if unit else what


def with_exact_bulk(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The rows with the exact bulk kept, or removed if the option `exact_bulk` says so."""
    return table[table["exact_bulk"] == options.get("exact_bulk", "kept")]


def band(axes: Axes, table: pd.DataFrame, x: str, y: str, **line: Any) -> None:
    """Mean over the runs, and a band from the least to the greatest of them."""
    by = table.groupby(x)[y]
    mean = by.mean()
    (drawn,) = axes.plot(mean.index, mean, **line)
    if by.size().max() > 1:
        axes.fill_between(mean.index, by.min(), by.max(), color=drawn.get_color(), alpha=0.25, linewidth=0)


def legend(axes: Axes, **where: Any) -> None:
    """A legend without a frame, if there is something to tell apart."""
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(frameon=False, **where)


def plain_ticks(axis: Axis) -> None:
    """1, 2, 5, 10, ... on a logarithmic axis, written as such, where powers of ten would be three ticks or fewer."""
    low, high = axis.get_view_interval()
    if high > 1e3 * low:
        return
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _save(plot: Plot, table: pd.DataFrame, style: dict[str, Any], targets: dict[str, Path]) -> None:
    size = style["font_size"]
    small = {f"{part}.labelsize": size - 1 for part in ("xtick", "ytick")}
    look: Any = {
        "font.size": size,
        "axes.labelsize": size,
        "axes.titlesize": size,
        "legend.fontsize": size - 1,
        **small,
    }
    look |= {"lines.linewidth": 1.2, "lines.markersize": 3, "pdf.fonttype": 42, "font.sans-serif": ["DejaVu Sans"]}
    with mpl.rc_context():  # whoever calls keeps theirs
        mpl.rcdefaults()  # and no matplotlibrc has a say here
        mpl.rcParams.update(sns.axes_style("ticks"))
        sns.set_palette(style["palette"])
        mpl.rcParams.update(look)
        inches = (style["width"] * plot.width, style["height"] * plot.height)
        figure = Figure(figsize=inches, layout="constrained")  # not pyplot's, which would choose a backend
        plot.draw(figure, table)
        if note := table.attrs.get(NOTE):
            figure.suptitle("\n".join(wrap(note, int(18 * inches[0]))), fontsize=size - 2)  # below are legends
        sns.despine(figure)
        for form, target in targets.items():
            # no date, no version: the same bytes every time
            fields = ("CreationDate", "Creator", "Producer") if form == "pdf" else ("Software",)
            figure.savefig(target, dpi=style["dpi"], metadata=dict.fromkeys(fields), format=form)
