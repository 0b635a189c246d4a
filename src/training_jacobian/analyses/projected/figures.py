"""Trainings whose steps are projected."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, in_unit, legend, plain_ticks

KINDS = {
    "plain": ("as it was", "black", "-"),
    "dominant": ("in the top space", "C3", "-"),
    "bulk": ("out of the top space", "C0", "--"),
    "random": ("in a random space", "0.6", ":"),
    "newton": ("Newton in the top space", "C2", "-."),
}


def projected(figure: Figure, table: pd.DataFrame) -> None:
    """Training loss and test loss against the step; bands over the runs, and where the first of them switches."""
    train, test = figure.subplots(2, 1, sharex=True)
    for kind, (label, color, style) in KINDS.items():
        each = table[table["kind"] == kind]
        for axes, part in ((train, "train"), (test, "test")):
            if len(each):
                band(axes, each, "step", f"{part}_loss", label=label, color=color, linestyle=style)
    for axes, part in ((train, "Training"), (test, "Test")):
        axes.set(ylabel=in_unit(f"{part} loss", table), yscale="log")
        plain_ticks(axes.yaxis)
        for switch in table["switch"].dropna().unique():
            axes.axvline(switch, color="0.8", linewidth=0.8, zorder=0)
    test.set(xlabel="Step $t$", xlim=(0, None))
    legend(train)


PLOTS = {"projected": Plot(projected, height=1.7)}
