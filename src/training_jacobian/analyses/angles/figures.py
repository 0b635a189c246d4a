"""Overlaps of the bulks of pairs of runs."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, legend, with_exact_bulk


def angles(figure: Figure, table: pd.DataFrame) -> None:
    """Mean cosine, and mean squared cosine corrected for chance, of bulk subspaces of pairs of runs."""
    cosine, corrected = figure.subplots(2, 1, sharex=True)
    bulk, random = table[table["against"] == "bulk"], table[table["against"] == "random"]
    for axes, value in ((cosine, "mean_cosine"), (corrected, "chance_corrected")):
        for (name, each), marker in zip(bulk.groupby("comparison", sort=False), "osx^dv*" * 9, strict=False):
            band(axes, each, "dimension", value, label=f"across {name}", marker=marker)
        band(axes, random, "dimension", value, label="random subspace", color="black", linestyle=":")
    cosine.set(ylabel="Mean cosine", ylim=(0, 1))
    corrected.set(ylabel="Overlap above chance", xlabel="Dimension $k$ of the bulk", ylim=(-0.05, 1))
    legend(cosine, ncols=2)


PLOTS = {"angles": Plot(angles, height=1.6, select=with_exact_bulk)}
