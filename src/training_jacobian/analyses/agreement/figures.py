"""How far J v is from central differences, by the size of the step."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot


def agreement(figure: Figure, table: pd.DataFrame) -> None:
    """The largest error over the directions against the size of the step, both on log axes."""
    axes = figure.subplots()
    for name, run in table.groupby("run", sort=False):
        by = run.groupby("size")["error"].max()
        axes.loglog(by.index, by, "o-", label=name)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.8)
    axes.set(xlabel="Size of the step in $\\theta_0$", ylabel="$|\\Delta\\theta_T / h - J v| \\, / \\, |J v|$")
    if len(axes.get_legend_handles_labels()[0]) > 1:
        figure.legend(frameon=False, ncols=3, loc="outside lower center")  # the lines are anywhere inside


PLOTS = {"agreement": Plot(agreement)}
