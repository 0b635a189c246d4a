"""Hessian spaces and gradients in the regions of the training Jacobian."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, legend

COLORS = {"chaotic": "C3", "bulk": "C0", "stable": "C2"}
SIDES = {"right": r"right ($\theta_0$)", "left": r"left ($\theta_T$)"}


def _panels(figure: Figure) -> dict[str, Axes]:
    """One a side of J, against the step."""
    made = dict(zip(SIDES, figure.subplots(1, 2, sharey=True), strict=True))
    for side, axes in made.items():
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)
        axes.set(title=f"{SIDES[side]} singular directions", xlabel="Step $t$", xlim=(0, None), ylim=(-0.02, 1.02))
    return made


def spaces(figure: Figure, table: pd.DataFrame) -> None:
    """Share of the Hessian's top space at each step in each region, of the averaged Hessian's, and by chance."""
    panels, top = _panels(figure), table[table["what"] == "top"]
    last = top["step"].max()
    for side, axes in panels.items():
        for region, color in COLORS.items():
            here = (table["side"] == side) & (table["region"] == region)
            each = top[here.reindex(top.index)]
            band(axes, each, "step", "share", label=region, color=color, marker="o")
            axes.axhline(each["chance"].mean(), color=color, linestyle=":", linewidth=0.8)
            average = table[here & (table["what"] == "average")]["share"].mean()
            axes.plot([2.2 * last], [average], "d", color=color, clip_on=False)
    panels["right"].set(ylabel="Share of the top space")
    panels["right"].plot([], [], "d", color="0.3", label="averaged Hessian")
    panels["right"].plot([], [], ":", color="0.3", label="chance")
    legend(panels["right"])


def path(figure: Figure, table: pd.DataFrame) -> None:
    """Share of the gradient at each step in each region, and of the whole displacement."""
    panels, gradients = _panels(figure), table[table["what"] == "gradient"]
    for side, axes in panels.items():
        for region, color in COLORS.items():
            each = gradients[(gradients["side"] == side) & (gradients["region"] == region)]
            band(axes, each, "step", "share", label=region, color=color)
            where = (table["what"] == "displacement") & (table["side"] == side) & (table["region"] == region)
            axes.axhline(table.loc[where, "share"].mean(), color=color, linestyle="--", linewidth=0.8)
    panels["right"].set(ylabel="Share of the gradient")
    panels["left"].plot([], [], "--", color="0.3", label=r"$\theta_T - \theta_0$")
    legend(panels["right"])
    panels["left"].legend(handles=panels["left"].lines[-1:], frameon=False)


PLOTS = {"joint_spaces": Plot(spaces, width=2), "joint_path": Plot(path, width=2)}
