"""The Hessian along a training."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from training_jacobian.figures.frame import FLOOR, Plot, band, in_unit, legend

ROUNDING = 100 * FLOOR  # times the largest eigenvalue: what is not above is 0, as seen where the rank is known
SPACES = {"top": "top", "top_less_one": "top without its last", "next": "next"}


def by_step(axes: Axes) -> None:
    """Steps on an axis that is logarithmic from 1 on, and has 0."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.6)
    axes.set(xlabel="Step $t$", xlim=(0, None))


def shown(run: pd.DataFrame) -> pd.DataFrame:
    """Eigenvalues of a run that have a place on a logarithmic axis."""
    zero = run["eigenvalue"].abs() <= ROUNDING * run.groupby("step")["eigenvalue"].transform("max")
    run = run.assign(eigenvalue=run["eigenvalue"].mask(zero, FLOOR))
    return run[run["converged"] & (run["eigenvalue"] > 0)]


def eigenvalues(figure: Figure, table: pd.DataFrame) -> None:
    """The top eigenvalues of each run and the next ones; what is negative, or has not converged, is left out.

    What is 0 but for rounding is drawn at the rounding of float64.
    """
    runs = list(table.groupby("run", sort=False))
    figure.set_size_inches(figure.get_figwidth() * max(1, len(runs) / 2), figure.get_figheight())
    panels: list[Axes] = list(figure.subplots(1, len(runs), sharey=True, squeeze=False)[0])
    for axes, (name, run) in zip(panels, runs, strict=True):
        run = shown(run)
        for index, each in run.groupby("index"):
            color, width = ("C0", 1.2) if each["top"].all() else ("0.6", 0.6)
            label = {1: "top", table.loc[~table["top"], "index"].min(): "next"}.get(index)
            axes.plot(each["step"], each["eigenvalue"], ".-", markersize=2, color=color, linewidth=width, label=label)
        by_step(axes)
        axes.set(yscale="log", title=name if len(runs) > 1 else "")
    panels[0].set(ylabel="Eigenvalues of the Hessian")
    legend(panels[0])


def gradient(figure: Figure, table: pd.DataFrame) -> None:
    """The loss, and the part of the gradient's square in the top space, in the next one, and by chance."""
    loss, part = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    for order, (name, run) in enumerate(table.groupby("run", sort=False)):
        loss.plot(run["step"], run["train_loss"], color=f"C{order}", label=name)
        known = run.dropna(subset="f_top")
        part.plot(known["step"], known["f_top"], color=f"C{order}")
        part.plot(known["step"], known["f_next"], "--", color=f"C{order}")
        part.plot(known["step"], known["f_random"], ":", color="black")
    loss.set(ylabel=in_unit("Training loss", table), ylim=(0, None))
    part.set(ylabel="Part of $|g|^2$", ylim=(0, 1.02))
    by_step(loss)
    by_step(part)
    loss.set(xlabel="")
    runs = loss.lines if len(loss.lines) > 1 else []
    lines = [
        Line2D([], [], color="0.3", label="top"),
        Line2D([], [], color="0.3", linestyle="--", label="next"),
        Line2D([], [], color="black", linestyle=":", label="chance"),
    ]
    # below, in columns: lines may be anywhere inside
    figure.legend(handles=[*runs, *lines], frameon=False, ncols=3, loc="outside lower center")


OVERLAPS = {
    "overlap": ("training gradient", "C0", "-"),
    "overlap_test": ("test gradient", "C1", "-"),
    "overlap_in_top": ("random, of the top space", "0.5", "--"),
    "overlap_random": ("random vector", "black", ":"),
}


def overlap(figure: Figure, table: pd.DataFrame) -> None:
    """Cosine of the gradient and what the Hessian makes of it; bands over the runs."""
    axes = figure.subplots()
    for column, (label, color, style) in OVERLAPS.items():
        known = table.dropna(subset=column)
        if len(known):
            band(axes, known, "step", column, label=label, color=color, linestyle=style)
    by_step(axes)
    axes.set(ylabel=r"Overlap $g \cdot Hg \,/\, |g| |Hg|$", ylim=(min(0, table["overlap"].min()), 1.02))
    figure.legend(frameon=False, ncols=2, loc="outside lower center")


def persistence(figure: Figure, table: pd.DataFrame) -> None:
    """How much of a space at one step is in that of another, mean over the runs: of the top space and of the next."""
    of = {name: each for name, each in _spaces(table) if name != "top_less_one"}
    panels = figure.subplots(1, len(of), sharey=True, squeeze=False)[0]
    for axes, (name, each) in zip(panels, of.items(), strict=True):
        square = each.pivot_table(index="first", columns="second", values="persistence")
        drawn = axes.pcolormesh(square.to_numpy(), vmin=0, vmax=1, cmap="viridis")
        places = np.arange(len(square)) + 0.5
        shown = slice(None, None, 1 + len(square) // 8)
        axes.set_xticks(places[shown], square.columns[shown], rotation=90)
        axes.set_yticks(places[shown], square.index[shown])
        dimension, chance = each[["dimension", "chance"]].iloc[0]
        axes.set(title=f"{SPACES[name]} {dimension:.0f} (chance {chance:.1g})", xlabel="Step $t_2$")
        axes.set_aspect("equal")
    panels[0].set(ylabel="Step $t_1$")
    figure.colorbar(drawn, ax=list(panels), label="Persistence", shrink=0.8)


def _spaces(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from table.groupby("space", sort=False)


PLOTS = {
    "hessian_eigenvalues": Plot(eigenvalues),
    "hessian_gradient": Plot(gradient, height=1.8),
    "hessian_overlap": Plot(overlap, height=1.2),
    "hessian_persistence": Plot(persistence, width=1.6),
}
