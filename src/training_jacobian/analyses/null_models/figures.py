"""Simple maps beside training."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from training_jacobian.figures.frame import FLOOR, Plot, band, legend

MODELS = {
    "jacobian": (r"$J$", "black", "-"),
    "initial": (r"$\prod_t (I - \eta_t H_0)$", "C1", "-."),
    "average": (r"SGD on averaged $H$", "C2", "--"),
    "summed": (r"$\exp(-\sum_s w_s H_s)$", "C0", "-"),
}


def spectra(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values, and their distance from unity, of J and of its null models; of the first run."""
    first = table[table["run"] == table["run"].iloc[0]]
    values, distance = figure.subplots(1, 2)
    for model, (label, color, style) in MODELS.items():
        each = first[first["model"] == model]
        values.semilogy(each["index"], each["sigma"].clip(lower=FLOOR), style, color=color, label=label)
        distance.semilogy(each["index"], (each["sigma"] - 1).abs().clip(lower=FLOOR), style, color=color, label=label)
    values.set(xlabel="Index $i$", ylabel=r"Singular value $\sigma_i$")
    distance.set(xlabel="Index $i$", ylabel=r"Distance from unity $|\sigma_i - 1|$")
    distance.yaxis.set_major_locator(LogLocator(numticks=8))
    legend(values)


def overlaps(figure: Figure, table: pd.DataFrame) -> None:
    """How much of J's bulk, right and left, each null model's bulk shares; bands over the runs."""
    panels: dict[str, Axes] = dict(zip(("right", "left"), figure.subplots(1, 2, sharey=True), strict=True))
    for side, axes in panels.items():
        for model, (label, color, style) in MODELS.items():
            each = table[(table["model"] == model) & (table["side"] == side)]
            if len(each):
                told = "$J$'s own right" if model == "jacobian" else label
                band(axes, each, "dimension", "chance_corrected", label=told, color=color, linestyle=style)
        random = table[table["side"] == "random"]
        band(axes, random, "dimension", "chance_corrected", label="random space", color="0.6", linestyle=":")
        axes.set(title=f"with $J$'s {side} bulk", xlabel="Dimension $k$ of the bulk", ylim=(-0.05, 1.02))
    panels["right"].set(ylabel="Overlap above chance")
    lines = dict(zip(*reversed(panels["left"].get_legend_handles_labels()), strict=True))
    figure.legend(lines.values(), lines.keys(), frameon=False, ncols=5, loc="outside lower center")


PLOTS = {"null_spectra": Plot(spectra, width=2), "null_overlaps": Plot(overlaps, width=2)}
