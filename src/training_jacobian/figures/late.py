"""The window of late steps in which means are taken."""

import pandas as pd

LAST = 1000  # as in table 1 of Gur-Ari et al. (arXiv 1812.04754)


def late(table: pd.DataFrame) -> pd.DataFrame:
    """Rows, each of a `step`, of the last 1000 steps, or of the second half of a shorter training.

    The state after the last step is left out: no step was taken from it.
    """
    end = table["step"].max()
    return table[(table["step"] >= max(end - LAST, end / 2)) & (table["step"] < end)]
