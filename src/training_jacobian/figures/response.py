"""The response of training to perturbed starts, as several analyses draw it."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import band, in_unit

TITLES = {
    "top": "most chaotic direction",
    "bulk": "middle of the bulk",
    "stable": "most stable direction",
    "early_bulk": "least changed direction found",
    "random": "random direction",
}
CURVES = {
    "along": {"label": "along $u$", "marker": "o"},
    "off": {"label": "off $u$", "marker": "s"},
    "test_loss": {"marker": "x"},
}


HUGE = 1e100  # what a training that has diverged ends at, which no axis can show


def response(figure: Figure, table: pd.DataFrame) -> None:
    """Response along u and off it, prediction and test loss against the size of the step, one panel a direction.

    Nothing of a training that has diverged.
    """
    table = table.assign(along=table["along"].abs())
    table = table.assign(**{name: table[name].where(table[name] < HUGE) for name in CURVES})
    directions = list(table.groupby("direction", sort=False))
    curves = {**CURVES, "test_loss": {**CURVES["test_loss"], "label": in_unit("test loss", table)}}
    rows = 1 if len(directions) % 2 else 2
    panels = figure.subplots(rows, len(directions) // rows, sharex=True, squeeze=False)
    for axes, (direction, each) in zip(panels.flat, directions, strict=True):
        band(axes, each, "size", "predicted", color="black", linestyle="--", label=r"predicted, $s\,\sigma$", zorder=5)
        for name, look in curves.items():
            band(
                axes,
                each,
                "size",
                name,
                **look,
            )
        sigma = each.groupby("run")["sigma"].first().mean()
        three_digits = f"{float(f'{sigma:.3g}'):g}"  # 12800, not 1.28e+04
        axes.set(xscale="log", yscale="log", title=f"{TITLES[direction]}\n$\\sigma$ = {three_digits}")
    for axes in panels[-1]:
        axes.set_xlabel("Step $s$ in $\\theta_0$")
    for axes in panels[:, 0]:
        axes.set_ylabel("Response in $\\theta_T$")
    panels[0, 0].legend(frameon=False)
