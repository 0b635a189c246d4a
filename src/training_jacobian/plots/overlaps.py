"""Overlaps of subspaces: bulk against bulk, and the PFJ's near-null space against the bulk."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.plots.frame import Plot, band, legend

INPUTS = {"train": "training inputs", "test": "test inputs", "white_noise": "white noise", "random": "random subspace"}
STATES = {"initial": "-", "final": "--"}


def by_inputs(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """A colour for each kind of inputs, dashed after training; random subspaces dotted."""
    for order, (inputs, each) in enumerate(table.groupby("inputs", sort=False)):
        color = "black" if inputs == "random" else f"C{order}"
        for state, now in each.fillna({"state": "random"}).groupby("state", sort=False):
            label = None if state == "final" else INPUTS[inputs]
            band(axes, now, x, y, label=label, color=color, linestyle=STATES.get(state, ":"))
    axes.plot([], [], color="0.5", linestyle=STATES["final"], label="after training")


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


def pfj_overlap(figure: Figure, table: pd.DataFrame) -> None:
    """Mean cosine of the bottom right vectors of the PFJ with the bulk."""
    axes = figure.subplots()
    by_inputs(axes, table, "dimension", "mean_cosine")
    axes.set(xlabel="Dimension $k$", ylabel="Mean cosine, PFJ and bulk", ylim=(0, 1))
    legend(axes, loc="lower right")


def pfj_spectrum(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values of the PFJ, rising."""
    axes = figure.subplots()
    by_inputs(axes, table, "index", "sigma")
    axes.set(xlabel="Index", ylabel="Singular value of the PFJ", yscale="log")
    legend(axes, loc="lower right")


PLOTS = {
    "angles": Plot(angles, height=1.6),
    "pfj_overlap": Plot(pfj_overlap, height=1.2),
    "pfj_spectrum": Plot(pfj_spectrum, height=1.2),
}
