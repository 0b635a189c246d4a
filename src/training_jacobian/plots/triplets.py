"""What products with J tell: its largest singular values with their bounds, and counts with their uncertainty."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from training_jacobian.plots.frame import Plot, legend

LABELS = {"J": "$J$", "J_minus_identity": "$J - I$"}
MARKERS = {"J": ".", "J_minus_identity": "+"}


def triplets(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values that have converged, and the largest error that each can have."""
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    others = table["run"] == "published"
    above.loglog(table["index"][others], table["sigma"][others], "kx", label="published" if others.any() else None)
    table = table[~others]
    runs = list(table["run"].unique())
    for (run, operator), each in table.groupby(["run", "operator"], sort=False):
        found = f"{LABELS[operator]}: {each['sigma'].notna().sum()} of {len(each)}"
        label = f"{run}, {found}" if len(runs) > 1 else f"{found} converged"
        look = {"color": f"C{runs.index(run)}", "marker": MARKERS[operator], "linestyle": "none"}
        above.loglog(each["index"], each["sigma"], label=label, **look)
        below.loglog(each["index"], each["bound"] / each["sigma"], **look)
    above.set(ylabel=r"Singular value $\sigma_i$")
    below.set(xlabel="Index $i$", ylabel="Relative bound")
    if len(runs) > 1:  # too much to lie on the data
        figure.legend(loc="outside upper center", ncols=2, title="Triplets that have converged", frameon=False)
    else:
        above.legend(frameon=False)


def density(figure: Figure, table: pd.DataFrame) -> None:
    """Numbers of singular values of J - I above thresholds, with both parts of their uncertainty."""
    axes = figure.subplots()
    for run, each in table.dropna(subset="count").groupby("run", sort=False):
        above, least, most = ((each["parameters"] - each[name]).clip(lower=0.5) for name in ("count", "high", "low"))
        # 0.5 stands for none on this axis
        (line,) = axes.loglog(each["threshold"], above, ".-", label=run)
        axes.vlines(each["threshold"], least, most, color=line.get_color(), linewidth=2, alpha=0.5)
    thresholds = sorted(set(table["threshold"]))  # those below the resolution too
    axes.set_xlim(thresholds[0] / 1.5, thresholds[-1] * 1.5)
    axes.set_xticks(thresholds, [f"{threshold:g}" for threshold in thresholds])
    axes.minorticks_off()
    if np.divide(*axes.get_ylim()) > 1e-3:  # powers of ten alone would be three ticks or fewer
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="Threshold $t$", ylabel=r"Directions with $\sigma_i(J - I) \geq t$")
    legend(axes)


PLOTS = {"triplets": Plot(triplets, height=1.4), "density": Plot(density)}
