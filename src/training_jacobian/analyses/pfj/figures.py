"""The near-null space of the PFJ against the bulk."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, legend, with_exact_bulk

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
    "pfj_overlap": Plot(pfj_overlap, height=1.2, select=with_exact_bulk),
    "pfj_spectrum": Plot(pfj_spectrum, height=1.2),
}
