"""Training inside subspaces."""

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.plots.frame import Plot, band, legend

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
    loss.set(ylabel="Test loss (nats)", ylim=(0, None))
    accuracy.set(ylabel="Test accuracy", xlabel="Subspace dimension $k$", ylim=(0, 1))
    legend(loss)


PLOTS = {"subspace": Plot(subspace, height=1.6)}
