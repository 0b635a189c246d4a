"""What a step along each singular direction does to the trained network, and how far training moved along it."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, in_unit, legend

TITLES = {
    "train": "training inputs",
    "test": "test inputs",
    "inverted": "inverted images",
    "white_noise": "white noise",
}
BINS = 20
FLOOR = 1e-8  # smaller values are drawn here


def against_index(axes: Axes, table: pd.DataFrame, value: str, color: str) -> None:
    """Every direction of the first run as a dot; of all runs the medians in 20 bins, mean and range.

    The measured exact bulk is drawn apart, in grey, and is in no median.
    """
    look: Any = {"linestyle": "", "marker": ".", "markersize": 2.5, "markeredgewidth": 0, "rasterized": True}
    first = table[table["run"] == table["run"].iloc[0]]
    exact = first["exact"].eq(True)  # empty where rounding hides it, as in float32
    values = first[value].clip(lower=FLOOR)
    axes.plot(first["index"][~exact], values[~exact], color=color, alpha=0.45, label="one direction", **look)
    if exact.any():
        axes.plot(first["index"][exact], values[exact], color="0.55", label="exact bulk", **look)
    last = table["index"].max()
    rest = table[~table["exact"].eq(True)]
    middle = ((rest["index"] - 1) * BINS // last + 0.5) * last / BINS
    medians = rest.assign(middle=middle).groupby(["run", "middle"], as_index=False, sort=False)[value].median()
    look = {"color": "black", "marker": "o", "linewidth": 0.8, "markersize": 2.5, "label": "medians in 20 bins"}
    band(axes, medians, "middle", value, **look)
    axes.set(yscale="log", ylim=(FLOOR / 3, None))


LARGEST = {"kl_max": "Largest KL", "squared_max": "Largest squared difference"}  # by loss


def divergence(figure: Figure, table: pd.DataFrame) -> None:
    """Largest divergence over the points of each kind of inputs, one panel a kind."""
    (value,) = [column for column in table if column.endswith("_max")]
    rows = -(-table["inputs"].nunique() // 2)
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    for order, (axes, (inputs, each)) in enumerate(zip(panels.flat, table.groupby("inputs", sort=False), strict=True)):
        against_index(axes, each, value, f"C{order}")
        axes.set_title(TITLES[inputs])
    for axes in panels[-1]:
        axes.set_xlabel("Index $i$ of the direction")
    for axes in panels[:, 0]:
        axes.set_ylabel(in_unit(LARGEST.get(value, "Largest divergence"), table))
    legend(panels[-1, 0], loc="lower right", markerscale=2)


def displacement(figure: Figure, table: pd.DataFrame) -> None:
    """How far training moved along each direction."""
    axes = figure.subplots()
    against_index(axes, table, "displacement", "C1")
    axes.set(xlabel="Index $i$", ylabel=r"$|v_i \cdot (\theta_T - \theta_0)|$")
    legend(axes, loc="lower right", markerscale=2)


PLOTS = {"divergence": Plot(divergence, width=2, height=1.9), "displacement": Plot(displacement)}
