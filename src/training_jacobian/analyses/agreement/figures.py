"""How far J v is from central differences, by the size of the step."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, legend


def agreement(figure: Figure, table: pd.DataFrame) -> None:
    """The largest error over the directions against the size of the step, both on log axes."""
    axes = figure.subplots()
    for name, run in table.groupby("run", sort=False):
        by = run.groupby("size")["error"].max()
        axes.loglog(by.index, by, "o-", label=name)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.8)
    axes.set(xlabel="Size of the step in $\\theta_0$", ylabel="$|\\Delta\\theta_T / h - J v| \\, / \\, |J v|$")
    legend(axes)


PLOTS = {"agreement": Plot(agreement)}
