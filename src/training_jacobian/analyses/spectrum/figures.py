"""Singular values and singular vectors of J."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from training_jacobian.figures.frame import FLOOR, Plot, legend


def spectrum(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values against their index, with sigma = 1."""
    axes = figure.subplots()
    for name, run in table.groupby("run", sort=False):
        axes.plot(run["index"], run["sigma"], label=name)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.8, label=r"$\sigma = 1$")
    axes.set(xlabel="Index $i$", ylabel=r"Singular value $\sigma_i$", ylim=(0, None))
    legend(axes)


def uv_cosine(figure: Figure, table: pd.DataFrame) -> None:
    """Cosine u_i . v_i: how far each direction turns during training."""
    axes = figure.subplots()
    for name, run in table.groupby("run", sort=False):
        axes.plot(run["index"], run["cosine_uv"], ".", markersize=2, alpha=0.4, rasterized=True, label=name)
    axes.set(xlabel="Index $i$", ylabel=r"Cosine $u_i \cdot v_i$")
    legend(axes)


def bird(figure: Figure, table: pd.DataFrame) -> None:
    """Distance from unity on a log axis; the measured exact bulk is a shaded band.

    Of runs that differ in it, a bar below the curves for each, in its colour.
    """
    axes = figure.subplots()
    bulks = {name: run.loc[run["exact"].eq(True), "index"] for name, run in table.groupby("run", sort=False)}
    bulks = {name: index for name, index in bulks.items() if len(index)}  # none where rounding hides it, as in float32
    alike = len({(index.min(), len(index)) for index in bulks.values()}) == 1
    below = FLOOR
    for order, (name, run) in enumerate(table.groupby("run", sort=False)):
        label = name if alike or name not in bulks else f"{name} ({len(bulks[name])})"
        axes.semilogy(run["index"], run["distance_from_one"].clip(lower=FLOOR), label=label, zorder=3 - 0.1 * order)
        if name in bulks and not alike:
            below /= 5
            ends = bulks[name].min() - 0.5, bulks[name].max() + 0.5
            axes.plot(ends, [below] * 2, color=f"C{order}", linewidth=2, solid_capstyle="butt")
    if alike:
        index = next(iter(bulks.values()))
        label = f"exact bulk ({len(index)})"
        axes.axvspan(index.min() - 0.5, index.max() + 0.5, color="0.85", linewidth=0, zorder=0, label=label)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.set(xlabel="Index $i$", ylabel=r"Distance from unity $|\sigma_i - 1|$")
    title = None if alike or not bulks else "run (exact bulk)"
    legend(axes, loc="lower right", title=title, handlelength=1.2)  # where "best" lies on the data


PLOTS = {"spectrum": Plot(spectrum), "uv_cosine": Plot(uv_cosine), "bird": Plot(bird)}
