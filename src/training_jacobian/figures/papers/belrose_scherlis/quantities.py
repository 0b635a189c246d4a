"""Numbers that statements are about, from the tables of a run or of a comparison; not a number where there is none."""

from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.figures.papers.statements import EMPTY, Quantity, Tables

BINS = 20


def count(threshold: float) -> Quantity:
    return lambda t: t.value("spectrum", "counts.csv", "count_below", threshold=threshold)


def sigma(index: int) -> Quantity:
    return lambda t: t.value("spectrum", "directions.csv", "sigma", index=index)


def loss(kind: str, dimension: int) -> Quantity:
    return lambda t: t.value("subspace", "losses.csv", "test_loss", kind=kind, dimension=dimension)


def cosine(inputs: str, dimension: int) -> Quantity:
    where: dict[str, Any] = {"inputs": inputs, "dimension": dimension, "exact_bulk": "kept"}
    if inputs != "random":
        where["state"] = "initial"
    return lambda t: t.value("pfj", "overlaps.csv", "mean_cosine", **where)


def nullity(t: Tables) -> float:
    return t.value("pfj", "nullity.csv", "nullity", state="initial", inputs="white_noise")


def linear_up_to(direction: str) -> Quantity:
    """First size of step at which linearity has ended; infinite if none."""

    def ours(t: Tables) -> float:
        table = t.read("perturbation", "linearity.csv", direction=direction)
        return float(table["ends_at"].fillna(np.inf).iloc[0]) if len(table) else EMPTY

    return ours


def off(direction: str, largest: float) -> Quantity:
    """Largest response off u, as a part of the step, for steps up to `largest`."""

    def ours(t: Tables) -> float:
        table = t.read("perturbation", "responses.csv", direction=direction)
        return float((table["off"] / table["size"])[table["size"] <= largest].max()) if len(table) else EMPTY

    return ours


def binned(table: pd.DataFrame, column: str) -> np.ndarray:
    """Medians of a column in 20 bins of the index, without the measured exact bulk: it has neither displacement nor KL.

    A bin that is nothing else is left out.
    """
    bins = (table["index"] - 1) * BINS // table["index"].max()
    return table[~table["exact"].eq(True)].groupby(bins)[column].median().to_numpy()


def decades(inputs: str, inner: bool) -> Quantity:
    """Decades of KL from the lowest bin to the lower of the two end bins (`inner`), or to the highest of all."""

    def ours(t: Tables) -> float:
        table = t.read("behaviour", "divergence.csv", inputs=inputs)
        if not len(table):
            return EMPTY
        medians = np.log10(binned(table, "kl_max"))
        ends = min(medians[0], medians[-1])
        return float(ends - medians.min() if inner else medians.max() - medians.min())

    return ours


def displaced(middle: bool) -> Quantity:
    """Displacement: lowest of the binned medians, or the lower of those at both ends."""

    def ours(t: Tables) -> float:
        table = t.read("behaviour", "displacement.csv")
        if not len(table):
            return EMPTY
        medians = binned(table, "displacement")
        return float(medians.min() if middle else min(medians[0], medians[-1]))

    return ours


def directions(region: str) -> Quantity:
    """How many directions are `chaotic`, of the `bulk` or `stable`, by `spectrum.bulk_tolerance`."""

    def ours(t: Tables) -> float:
        table = t.read("spectrum", "directions.csv")
        return float((table["region"] == region).sum()) if len(table) else EMPTY

    return ours


def aligned(t: Tables) -> float:
    table = t.read("spectrum", "directions.csv")
    return float(table.loc[table["distance_from_one"] < 1e-2, "cosine_uv"].mean())


def above_chance(t: Tables) -> float:
    """Overlap corrected for chance, at the dimension nearest to 1000, the exact bulk removed."""
    table = t.read("angles", "overlaps.csv", exact_bulk="removed", against="bulk")
    return float(table.loc[(table["dimension"] - 1000).abs().idxmin(), "chance_corrected"]) if len(table) else EMPTY
