"""Hessian spaces and gradients in the regions of the training Jacobian."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, legend

COLORS = {"chaotic": "C3", "bulk": "C0", "stable": "C2"}
SIDES = {"right": r"right ($\theta_0$)", "left": r"left ($\theta_T$)"}


def _panels(figure: Figure) -> dict[str, Axes]:
    """One a side of J."""
    return dict(zip(SIDES, figure.subplots(1, 2, sharey=True), strict=True))


def _by_step(panels: dict[str, Axes], last: float) -> None:
    """Against the step, up to `last`: when all is drawn, so that no axis ends before."""
    for side, axes in panels.items():
        axes.set_xscale("symlog", linthresh=1, linscale=0.6)
        axes.set(title=f"{SIDES[side]} singular directions", xlabel="Step $t$", xlim=(0, last), ylim=(-0.02, 1.02))


def _of(table: pd.DataFrame, what: str, side: str, region: str) -> pd.DataFrame:
    return table[(table["what"] == what) & (table["side"] == side) & (table["region"] == region)]


def spaces(figure: Figure, table: pd.DataFrame) -> None:
    """Share of the Hessian's top space at each step in each region, of the averaged Hessian's, and by chance."""
    panels, last = _panels(figure), max(1, table["step"].max())
    for side, axes in panels.items():
        for region, color in COLORS.items():
            top = _of(table, "top", side, region)
            band(axes, top, "step", "share", label=region, color=color, marker="o", clip_on=False)
            axes.axhline(top["chance"].mean(), color=color, linestyle=":", linewidth=0.8)
            average = _of(table, "average", side, region)["share"].mean()
            axes.plot([2.2 * last], [average], "d", color=color)
    _by_step(panels, 4 * last)
    panels["right"].set(ylabel="Share of the top space")
    panels["right"].plot([], [], "d", color="0.3", label="averaged Hessian")
    panels["right"].plot([], [], ":", color="0.3", label="chance")
    legend(panels["right"])


def path(figure: Figure, table: pd.DataFrame) -> None:
    """Share of the gradient at each step in each region, and of the whole displacement."""
    panels = _panels(figure)
    for side, axes in panels.items():
        for region, color in COLORS.items():
            band(axes, _of(table, "gradient", side, region), "step", "share", label=region, color=color)
            moved = _of(table, "displacement", side, region)["share"].mean()
            axes.axhline(moved, color=color, linestyle="--", linewidth=0.8)
    _by_step(panels, max(1, table["step"].max()))
    panels["right"].set(ylabel="Share of the gradient")
    panels["left"].plot([], [], "--", color="0.3", label=r"$\theta_T - \theta_0$")
    legend(panels["right"])
    panels["left"].legend(handles=panels["left"].lines[-1:], frameon=False)


PLOTS = {"joint_spaces": Plot(spaces, width=2), "joint_path": Plot(path, width=2)}
