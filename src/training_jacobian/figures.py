"""Tidy tables to figures, PDF and PNG."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

FLOOR = float(np.finfo(np.float64).eps)  # |sigma - 1| below the rounding of float64 is drawn here


def spectrum(axes: Axes, tables: dict[str, pd.DataFrame], exact: dict[str, int]) -> None:
    """Singular values against their index, with sigma = 1."""
    for name, table in tables.items():
        axes.plot(table["index"], table["sigma"], label=name)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.8, label=r"$\sigma = 1$")
    axes.set(xlabel="Index $i$", ylabel=r"Singular value $\sigma_i$", ylim=(0, None))


def uv_cosine(axes: Axes, tables: dict[str, pd.DataFrame], exact: dict[str, int]) -> None:
    """Cosine u_i . v_i: how far each direction turns during training."""
    for name, table in tables.items():
        axes.plot(table["index"], table["cosine_uv"], ".", markersize=2, alpha=0.4, rasterized=True, label=name)
    axes.set(xlabel="Index $i$", ylabel=r"Cosine $u_i \cdot v_i$")


def bird(axes: Axes, tables: dict[str, pd.DataFrame], exact: dict[str, int]) -> None:
    """Distance from unity on a log axis; the exact bulk of the first run is the shaded band."""
    for order, (name, table) in enumerate(tables.items()):
        axes.semilogy(table["index"], table["distance_from_one"].clip(lower=FLOOR), label=name, zorder=3 - 0.1 * order)
    first = next(iter(tables))
    if exact[first]:
        nearest = tables[first].nsmallest(exact[first], "distance_from_one")["index"]
        label = f"exact bulk ({exact[first]})"
        axes.axvspan(nearest.min() - 0.5, nearest.max() + 0.5, color="0.85", linewidth=0, zorder=0, label=label)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.set(xlabel="Index $i$", ylabel=r"Distance from unity $|\sigma_i - 1|$")


KINDS: dict[str, Callable[[Axes, dict[str, pd.DataFrame], dict[str, int]], None]] = {
    "spectrum": spectrum,
    "uv_cosine": uv_cosine,
    "bird": bird,
}

LEGEND: dict[str, Any] = {"bird": "lower right"}  # where "best" lies on the data


def draw(
    kind: str, tables: dict[str, pd.DataFrame], exact: dict[str, int], style: dict[str, Any], targets: dict[str, Path]
) -> None:
    """Draw one figure into each of `targets`: a file by its format, `pdf` or `png`.

    `tables` are `directions.csv` by run, `exact` the predicted dimensions of the exact bulk by run.
    """
    size = style["font_size"]
    small = {f"{part}.labelsize": size - 1 for part in ("xtick", "ytick")}
    look: Any = {"font.size": size, "axes.labelsize": size, "legend.fontsize": size - 1, **small}
    look |= {"lines.linewidth": 1.2, "pdf.fonttype": 42}
    with sns.axes_style("ticks"), sns.color_palette(style["palette"]), mpl.rc_context(look):
        figure, axes = plt.subplots(figsize=(style["width"], style["height"]), layout="constrained")
        KINDS[kind](axes, tables, exact)
        if len(axes.get_legend_handles_labels()[0]) > 1:
            axes.legend(frameon=False, loc=LEGEND.get(kind, "best"))
        sns.despine(figure)
        for form, target in targets.items():
            # no date, no version: the same bytes every time
            fields = ("CreationDate", "Creator", "Producer") if form == "pdf" else ("Software",)
            figure.savefig(target, dpi=style["dpi"], metadata=dict.fromkeys(fields), format=form)
        plt.close(figure)
