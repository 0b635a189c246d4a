"""The parameter-function Jacobian and its near-null space against the bulk."""

from typing import Any

import numpy as np
import pandas as pd

from training_jacobian.analyses.pfj.numerics import (
    decompose,
    nullity,
    parameter_function_jacobian,
    trivial,
    trivial_nullity,
)
from training_jacobian.learning import exact_bulk
from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral import subspaces


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`spectrum.csv`, `overlaps.csv` and `nullity.csv`, at the start and at the end of training.

    `removed`: from the bulk the measured exact bulk, `exact_bulk_measured` directions; from the PFJ `taken_out`, what
    of its null space is predicted, and `untouched` more by parameters that no output depends on.  Dimensions that are
    no longer there are left out.
    """
    problem, theta, parts = run.problem, run.theta, run.read("svd", ["U", "S", "Vt"])
    dimensions, seed = subspaces.grid(settings["dimensions"]), settings["seed"]

    inputs = {part: np.asarray(problem.examples[f"inputs_{part}"]) for part in ("train", "test")}
    if inputs["train"].min() >= 0 and inputs["train"].max() <= 1:  # as of images: else white noise is like none of them
        inputs["white_noise"] = np.random.default_rng(seed).random(inputs["test"].shape)
    taken = exact_bulk.to_take_out(run.parameters, inputs["train"], parts)
    bulk = {"kept": parts["Vt"][subspaces.nearest_to_one(parts["S"], logarithmic=True)]}
    del parts
    bulk["removed"] = exact_bulk.take_out(bulk["kept"], taken)
    spectra, overlaps, nullities = [], [], []

    def compare(rows: np.ndarray, without: tuple[np.ndarray, ...], null: int, **columns: str) -> None:
        exact = "removed" if without else "kept"
        there = [k for k in dimensions if k <= min(len(rows), len(bulk[exact]))]
        if not there:
            return
        # inside a null space, or inside the exact bulk, a subspace of k dimensions is one of many
        least = max(null, taken.shape[1] if exact == "kept" else 0)
        table = subspaces.overlap(rows, bulk[exact], there, subspaces.chance(len(theta[0]), *without))
        overlaps.append(table.assign(exact_bulk=exact, determined=table["dimension"] >= least, **columns))

    progress = Progress("PFJ", 2 * len(inputs), "decompositions")
    for state, at in {"initial": theta[0], "final": theta[-1]}.items():
        for name, each in inputs.items():
            P = parameter_function_jacobian(problem.outputs, at, each)
            S, rows = decompose(P)
            null = nullity(S)
            columns = {"state": state, "inputs": name}
            spectra.append(pd.DataFrame({"index": np.arange(1, len(S) + 1), "sigma": S}).assign(**columns))
            known = exact_bulk.untouched(run.parameters, each)
            predicted = np.empty((len(at), 0)) if known is None else known
            exact = trivial(P, S, predicted, run.parameters.get("model", {}))
            counted = {"outputs": len(P), "nullity": null}
            counted |= {} if known is None else trivial_nullity(P, each, problem.shapes)
            counted |= {"untouched": exact.shape[1] - predicted.shape[1], "taken_out": exact.shape[1]}
            nullities.append({**columns, **counted, "exact_bulk_measured": taken.shape[1]})
            compare(rows, (), null, **columns)
            compare(exact_bulk.take_out(rows, exact), (exact, taken), null - exact.shape[1], **columns)
            progress.advance(1)
    size, largest, columns = theta.shape[1], max(dimensions), {"inputs": "random"}
    compare(subspaces.random_subspace(largest, size, seed), (), 0, **columns)
    compare(subspaces.random_subspace(largest, size, seed, without=taken), (taken, taken), 0, **columns)
    return {
        "spectrum.csv": pd.concat(spectra),
        "overlaps.csv": pd.concat(overlaps),
        "nullity.csv": pd.DataFrame(nullities),
    }
