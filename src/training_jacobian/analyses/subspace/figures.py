"""Training inside subspaces."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, in_unit, legend

MARKERS = {"bulk": "o", "complement": "x", "chaotic": "s", "stable": "^", "random": "d"}
LABELS = {"complement": "complement of bulk"}


def subspace(figure: Figure, table: pd.DataFrame) -> None:
    """Test loss, and accuracy if there is one, against the dimension of the subspace."""
    kinds = table["kind"].unique()
    classes = table["test_accuracy"].notna().any()
    loss, *others = figure.subplots(1 + classes, 1, sharex=True, squeeze=False)[:, 0]
    shown = dict(zip(("test_loss", "test_accuracy"), (loss, *others), strict=False))
    for kind in kinds:
        color = f"C{list(MARKERS).index(kind)}"
        for value, axes in shown.items():
            each = table[table["kind"] == kind]
            band(axes, each, "dimension", value, label=LABELS.get(kind, kind), marker=MARKERS[kind], color=color)
    loss.set(ylabel=in_unit("Test loss", table), ylim=(0, None))
    for accuracy in others:
        accuracy.set(ylabel="Test accuracy", ylim=(0, 1))
    [loss, *others][-1].set(xlabel="Subspace dimension $k$")
    legend(loss)


def chosen(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The kinds that the option `subspaces` names, or all."""
    return table[table["kind"].isin(options["subspaces"])] if "subspaces" in options else table


PLOTS = {"subspace": Plot(subspace, height=1.6, select=chosen)}
