"""What a step along each singular direction does to the trained network, and how far training moved along it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.plots.frame import Plot, band

TITLES = {
    "train": "training inputs",
    "test": "test inputs",
    "inverted": "inverted images",
    "white_noise": "white noise",
}
BINS = 20
FLOOR = 1e-9  # smaller values are drawn here: the exact bulk has none at all


def against_index(axes: Axes, table: pd.DataFrame, value: str, color: str) -> None:
    """Every direction of the first run as a dot; of all runs the medians in 20 bins, mean and range."""
    first = table[table["run"] == table["run"].iloc[0]]
    look: Any = {"markersize": 2, "alpha": 0.15, "rasterized": True, "color": color, "markeredgewidth": 0}
    axes.plot(first["index"], first[value].clip(lower=FLOOR), ".", **look)
    last = table["index"].max()
    middle = (np.minimum((table["index"] - 1) * BINS // last, BINS - 1) + 0.5) * last / BINS
    medians = table.assign(middle=middle).groupby(["run", "middle"], as_index=False, sort=False)[value].median()
    medians[value] = medians[value].clip(lower=FLOOR)
    band(axes, medians, "middle", value, color="black", marker="o", linewidth=0.8, markersize=2)
    axes.set(yscale="log")


def divergence(figure: Figure, table: pd.DataFrame, options: dict[str, Any]) -> None:
    """Largest KL over the points of each kind of inputs, one panel a kind."""
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for order, (axes, (inputs, each)) in enumerate(zip(panels.flat, table.groupby("inputs", sort=False), strict=True)):
        against_index(axes, each, "kl_max", f"C{order}")
        axes.set_title(TITLES[inputs])
    for axes in panels[-1]:
        axes.set_xlabel("Index $i$ of the direction")
    for axes in panels[:, 0]:
        axes.set_ylabel("Largest KL (nats)")


def displacement(figure: Figure, table: pd.DataFrame, options: dict[str, Any]) -> None:
    """How far training moved along each direction."""
    axes = figure.subplots()
    against_index(axes, table, "displacement", "C1")
    axes.set(xlabel="Index $i$", ylabel=r"$|v_i \cdot (\theta_T - \theta_0)|$")


PLOTS = {"divergence": Plot(divergence, width=2, height=1.9), "displacement": Plot(displacement)}
