"""Singular values of J - I."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from training_jacobian.figures.frame import FLOOR, Plot, legend


def identity(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values of J - I, rising, on a log axis: the small ones count what is carried through unchanged."""
    axes = figure.subplots()
    for name, run in table.groupby("run", sort=False):
        axes.semilogy(run["index"], run["sigma"].clip(lower=FLOOR), label=name)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.set(xlabel="Index $i$", ylabel=r"Singular value of $J - I$")
    legend(axes, loc="lower right")


PLOTS = {"identity": Plot(identity)}
