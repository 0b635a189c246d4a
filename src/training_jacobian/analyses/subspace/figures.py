"""Training inside subspaces."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, band, in_unit, legend

MARKERS = {"bulk": "o", "complement": "x", "chaotic": "s", "stable": "^", "random": "d"}
LABELS = {"complement": "complement of bulk"}


def subspace(figure: Figure, table: pd.DataFrame) -> None:
    """Test loss and accuracy against the dimension of the subspace."""
    kinds = table["kind"].unique()
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    for kind in kinds:
        color = f"C{list(MARKERS).index(kind)}"
        for axes, value in ((loss, "test_loss"), (accuracy, "test_accuracy")):
            each = table[table["kind"] == kind]
            band(axes, each, "dimension", value, label=LABELS.get(kind, kind), marker=MARKERS[kind], color=color)
    loss.set(ylabel=in_unit("Test loss", table), ylim=(0, None))
    accuracy.set(ylabel="Test accuracy", xlabel="Subspace dimension $k$", ylim=(0, 1))
    legend(loss)


def chosen(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The kinds that the option `subspaces` names, or all."""
    return table[table["kind"].isin(options["subspaces"])] if "subspaces" in options else table


PLOTS = {"subspace": Plot(subspace, height=1.6, select=chosen)}
