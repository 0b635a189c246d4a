"""The largest singular values, with their bounds."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from training_jacobian.figures.frame import Plot, plain_ticks

LABELS = {"J": "$J$", "J_minus_identity": "$J - I$"}
MARKERS = {"J": ".", "J_minus_identity": "+"}
PUBLISHED = "J, published"  # an operator, not a run: one of the user's may be called `published`


def triplets(figure: Figure, table: pd.DataFrame) -> None:
    """Singular values that have converged, and the largest error that each can have."""
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    others = table["operator"] == PUBLISHED
    above.loglog(table["index"][others], table["sigma"][others], "kx", label="published" if others.any() else None)
    table = table[~others]
    runs = list(table["run"].unique())
    for order, ((run, operator), each) in enumerate(table.groupby(["run", "operator"], sort=False)):
        found = f"{LABELS[operator]}: {each['sigma'].notna().sum()} of {len(each)}"
        label = f"{run}, {found}" if len(runs) > 1 else f"{found} converged"
        look = {"color": f"C{order}", "marker": MARKERS[operator], "linestyle": "none"}
        above.loglog(each["index"], each["sigma"], label=label, **look)
        below.loglog(each["index"], each["bound"] / each["sigma"], **look)
    above.set(ylabel=r"Singular value $\sigma_i$")
    below.set(xlabel="Index $i$", ylabel="Relative bound")
    plain_ticks(below.xaxis)
    plain_ticks(above.yaxis)
    if len(runs) > 1:  # too much to lie on the data
        figure.legend(loc="outside lower center", ncols=2, title="Triplets that have converged", frameon=False)
    else:
        above.legend(frameon=False)


def with_published(table: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The table, and rows of an operator `J, published` if the options have such values."""
    if "published" not in options:
        return table
    return pd.concat([table, pd.DataFrame({"run": "published", "operator": PUBLISHED, **options["published"]})])


PLOTS = {"triplets": Plot(triplets, height=1.4, select=with_published)}
