"""Counts of singular values of J - I, with their uncertainty."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, legend, plain_ticks


def density(figure: Figure, table: pd.DataFrame) -> None:
    """Numbers of singular values of J - I above thresholds, with both parts of their uncertainty.

    A cross at the lower edge: there the run has no count, the threshold lies below the resolution.
    """
    axes = figure.subplots()
    refused, edge = table[table["count"].isna()], axes.get_xaxis_transform()
    for run, each in table.dropna(subset="count").groupby("run", sort=False):
        above, least, most = ((each["parameters"] - each[name]).clip(lower=0.5) for name in ("count", "high", "low"))
        # 0.5 stands for none on this axis
        (line,) = axes.loglog(each["threshold"], above, ".-", label=run)
        axes.vlines(each["threshold"], least, most, color=line.get_color(), linewidth=2, alpha=0.5)
        without = refused.loc[refused["run"] == run, "threshold"]
        look: Any = {"color": line.get_color(), "markersize": 5, "transform": edge, "clip_on": False}
        axes.plot(without, [0.02] * len(without), "x", **look)
    if len(refused):
        axes.plot([], [], "x", color="0.3", markersize=5, label="below the resolution")
    thresholds = sorted(set(table["threshold"]))  # those below the resolution too
    axes.set_xlim(thresholds[0] / 1.5, thresholds[-1] * 1.5)
    axes.set_xticks(thresholds, [f"{threshold:g}" for threshold in thresholds])
    axes.minorticks_off()
    plain_ticks(axes.yaxis)
    axes.set(xlabel="Threshold $t$", ylabel=r"Directions with $\sigma_i(J - I) \geq t$")
    legend(axes)


PLOTS = {"density": Plot(density)}
