"""Numbers that the statements are about, from the tables of a run; not a number where there is none."""

import numpy as np
import pandas as pd

from training_jacobian.figures.late import late
from training_jacobian.figures.papers.statements import EMPTY, Quantity, Tables


def _gradient(t: Tables) -> pd.DataFrame:
    return t.read("hessian", "gradient.csv")


def at_start(column: str) -> Quantity:
    """A column of the gradient at step 0."""
    return lambda t: t.value("hessian", "gradient.csv", column, step=0)


def least(column: str, until: int) -> Quantity:
    """The least it is in the first steps."""

    def ours(t: Tables) -> float:
        table = _gradient(t)
        return float(table.loc[table["step"] <= until, column].min()) if len(table) else EMPTY

    return ours


def mean_late(column: str) -> Quantity:
    """Its mean over the last 1000 steps, or the second half."""
    return lambda t: float(late(table)[column].mean()) if len(table := _gradient(t)) else EMPTY


def deviation_late(column: str) -> Quantity:
    """The standard deviation of its values there."""
    return lambda t: float(late(table)[column].std()) if len(table := _gradient(t)) else EMPTY


def at_end(column: str) -> Quantity:
    """A column of the gradient at the last step."""
    return lambda t: float(table[column].iloc[-1]) if len(table := _gradient(t)) else EMPTY


def last_vector(t: Tables) -> float:
    """What the k-th eigenvector adds to f_top late."""
    table = _gradient(t)
    return float((late(table)["f_top"] - late(table)["f_top_less_one"]).mean()) if len(table) else EMPTY


def persistence(space: str, first: int) -> Quantity:
    """How much of a space at a step is in that of the last one."""

    def ours(t: Tables) -> float:
        table = t.read("hessian", "persistence.csv", space=space, first=first)
        return float(table.loc[table["second"].idxmax(), "persistence"]) if len(table) else EMPTY

    return ours


def flat(kind: str, part: str = "train_loss") -> Quantity:
    """Loss at the end of a projected training, as a part of what it was at the switch."""

    def ours(t: Tables) -> float:
        table = t.read("projected", "losses.csv", kind=kind)
        table = table[table["step"] >= table["switch"]] if len(table) else table
        return float(table[part].iloc[-1] / table[part].iloc[0]) if len(table) else EMPTY

    return ours


def end_beside_plain(kind: str, part: str = "train_loss") -> Quantity:
    """Loss at the end of a projected training, as a part of that of the plain one."""

    def ours(t: Tables) -> float:
        table = t.read("projected", "losses.csv")
        kinds = set(table["kind"]) if len(table) else set()
        if not {kind, "plain"} <= kinds:
            return EMPTY
        ends = table.groupby("kind")[part].last()
        return float(ends[kind] / ends["plain"])

    return ours


def share(side: str, region: str, step: str = "last") -> Quantity:
    """Part of the Hessian's top space, at the last checkpoint or the first, in a region of J."""

    def ours(t: Tables) -> float:
        table = t.read("joint", "spaces.csv", what="top", side=side, region=region)
        if not len(table):
            return EMPTY
        row = table["step"].idxmax() if step == "last" else table["step"].idxmin()
        return float(table.loc[row, "share"])

    return ours


def off_count(model: str, threshold: float) -> Quantity:
    """Relative difference of a null model's count of |sigma - 1| < threshold from J's."""

    def ours(t: Tables) -> float:
        table = t.read("null_models", "counts.csv", threshold=threshold)
        if not len(table):
            return EMPTY
        counts = table.set_index("model")["count_below"]
        return float(abs(counts[model] / counts["jacobian"] - 1))

    return ours


def overlap(model: str, near: int) -> Quantity:
    """Overlap of its bulk with J's, as a part of that of J's right bulk with its left; chance corrected, k near `near`.

    Mean of right and left.
    """

    def ours(t: Tables) -> float:
        table = t.read("null_models", "overlaps.csv")
        if not len(table):
            return EMPTY
        k = table.loc[(table["dimension"] - near).abs().idxmin(), "dimension"]
        table = table[table["dimension"] == k]
        own = table[table["model"] == "jacobian"]["chance_corrected"].mean()
        of_model = table[(table["model"] == model) & table["side"].isin(["right", "left"])]
        return float(np.mean(of_model["chance_corrected"]) / own)

    return ours
