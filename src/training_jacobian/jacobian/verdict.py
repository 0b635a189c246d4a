"""What a table of differences (differences.py) says: for figures and tables, too, so without JAX."""

import numpy as np
import pandas as pd

TOLERANCE = 0.05  # of |J v|


def worst(table: pd.DataFrame) -> float:
    """Of each direction the second least error, and of these the largest; infinite where trainings did not end."""
    return float(table["error"].fillna(np.inf).groupby(table["direction"]).apply(lambda each: sorted(each)[1]).max())


def up_to(table: pd.DataFrame, tolerance: float = TOLERANCE) -> float:
    """The largest size at which all directions agree; not a number if there is none."""
    errors = table["error"].fillna(np.inf).groupby(table["size"]).max()
    return float(errors.index[errors <= tolerance].max())
