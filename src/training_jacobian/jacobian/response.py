"""How training answers a perturbed start: theta_0 + s v against the prediction s J v (paper: how far it is linear)."""

from typing import Any

import numpy as np
import pandas as pd


def directions(
    U: np.ndarray, S: np.ndarray, Vt: np.ndarray, tolerance: float, seed: int | list[int]
) -> dict[str, dict[str, Any]]:
    """The directions of the sweep, each with a unit v (N,), its image u (N,), sigma = |J v|, and index from 1 if any.

    `top` and `stable` are the first and the last singular direction; `bulk` is the one in the middle, by index, of
    those with |sigma - 1| <= `tolerance`; `random` is uniform on the sphere.
    """
    bulk = np.flatnonzero(np.abs(S - 1) <= tolerance)
    chosen = {"top": 0, **({"bulk": int(bulk[len(bulk) // 2])} if len(bulk) else {}), "stable": len(S) - 1}
    made = {name: {"index": i + 1, "v": Vt[i], "u": U[:, i], "sigma": float(S[i])} for name, i in chosen.items()}
    v = np.random.default_rng(seed).standard_normal(len(S))
    v /= np.linalg.norm(v)
    image = U @ (S * (Vt @ v))
    sigma = float(np.linalg.norm(image))
    return {**made, "random": {"index": None, "v": v, "u": image / sigma, "sigma": sigma}}


def starts(theta: np.ndarray, chosen: dict[str, dict[str, Any]], sizes: np.ndarray) -> np.ndarray:
    """Starting points (1 + D S, N): `theta` (N,), then theta + s v for each direction and, within it, each size."""
    moved = [theta + s * each["v"] for each in chosen.values() for s in sizes]
    return np.stack([theta, *moved])


def responses(ends: np.ndarray, chosen: dict[str, dict[str, Any]], sizes: np.ndarray) -> pd.DataFrame:
    """One row a direction and size, in the order of `starts`, from where training ended, `ends` (1 + D S, N).

    With r = theta_T(theta_0 + s v) - theta_T(theta_0): along = u . r, off = |r - (u . r) u|, predicted = s sigma.
    """
    moved = (ends[1:] - ends[0]).reshape(len(chosen), len(sizes), -1)
    rows = []
    for (name, each), r in zip(chosen.items(), moved, strict=True):
        along = r @ each["u"]
        off = np.linalg.norm(r - along[:, None] * each["u"], axis=1)
        for s, a, o in zip(sizes, along, off, strict=True):
            row = {"direction": name, "index": each["index"], "sigma": each["sigma"], "size": s}
            rows.append({**row, "along": a, "off": o, "predicted": s * each["sigma"]})
    return pd.DataFrame(rows).astype({"index": "Int64"})


def linearity(table: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """One row a direction: the first size at which `along` is off `predicted` by more than `tolerance`.

    `ends_at`: of the prediction, which says nothing where sigma is 0 but for rounding; `ends_at_of_size`: of the size
    of the step.  Empty where that does not happen up to `largest`, the largest size tried; a training that diverges is
    off.
    """
    rows = []
    for name, group in table.groupby("direction", sort=False):
        error = (group["along"] - group["predicted"]).abs()
        row = {"direction": name, "index": group["index"].iloc[0], "sigma": group["sigma"].iloc[0]}
        row["ends_at"] = group.loc[~(error <= tolerance * group["predicted"]), "size"].min()
        row["ends_at_of_size"] = group.loc[~(error <= tolerance * group["size"]), "size"].min()
        rows.append({**row, "largest": group["size"].max(), "tolerance": tolerance})
    return pd.DataFrame(rows)
