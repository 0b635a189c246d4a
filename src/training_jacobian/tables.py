"""One table of all runs."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian.store import check, opened


def runs(folders: dict[str, list[Path]], thresholds: list[float]) -> pd.DataFrame:
    """One row a run, from its folders results/<stage>/<key>.

    Of `spectrum`: its summary, and its counts below each threshold; of `identity` the same counts for J - I.  Of a run
    without J, from `train` and `triplets`: N, loss and accuracy at the end, the largest singular values of J as far as
    they have converged, and how many have.
    """
    rows: list[dict[str, Any]] = []
    for run, each in folders.items():
        rows.append({"run": run})
        for folder in each:
            rows[-1] |= OF_STAGE[folder.parent.name](folder, thresholds)
    table = pd.DataFrame(rows)
    for name in table:
        if all(isinstance(row.get(name), int | None) for row in rows):
            table[name] = table[name].astype("Int64")  # a count that one run lacks stays a whole number
    return table


def _of_spectrum(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    counts = pd.read_csv(check(folder / "counts.csv"))
    below = {f"distance_from_one_below_{row.threshold:g}": row.count_below for row in counts.itertuples(index=False)}
    return {**json.loads(check(folder / "summary.json").read_text()), **below}


def _of_identity(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    sigma = pd.read_csv(check(folder / "sigma.csv"))["sigma"]
    return {f"sigma_minus_identity_below_{threshold:g}": int((sigma < threshold).sum()) for threshold in thresholds}


def _of_train(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    names = ("test_loss", "test_accuracy", "train_loss")
    with opened(check(folder / "train.h5")) as file:
        ends = {name: float(file[f"epochs/{name}"][-1]) for name in names}
        return {"parameters": file["theta"].shape[1], **ends}


def _of_triplets(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    table = pd.read_csv(check(folder / "triplets.csv"))
    sigma = table[(table["operator"] == "J") & table["converged"]].set_index("index")["sigma"]
    return {**{f"sigma_{i}": value for i, value in sigma.items() if i <= 3}, "triplets": len(sigma)}


OF_STAGE = {"spectrum": _of_spectrum, "identity": _of_identity, "train": _of_train, "triplets": _of_triplets}
