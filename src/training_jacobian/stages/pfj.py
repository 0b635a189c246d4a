"""The PFJ stage: the parameter-function Jacobian and its near-null space against the bulk."""

from pathlib import Path

import numpy as np
import pandas as pd

from training_jacobian import exact_bulk, pfj, store, subspaces
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem


def make_pfj(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `spectrum.csv`, `overlaps.csv` and `nullity.csv`, at the start and at the end of training."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"]
    parts = store.read_hdf5(svd_file, recipe, "svd", ["S", "Vt"])
    chosen = parameters(recipe)
    settings = chosen["pfj"]
    dimensions, seed = subspaces.grid(settings["dimensions"]), settings["seed"]

    inputs = {part: np.asarray(problem.examples[f"inputs_{part}"]) for part in ("train", "test")}
    inputs["white_noise"] = np.random.default_rng(seed).random(inputs["test"].shape)
    taken = exact_bulk.basis(problem.shapes, inputs["train"])
    bulk = {"kept": parts["Vt"][subspaces.nearest_to_one(parts["S"], logarithmic=True)]}
    bulk["removed"] = subspaces.take_out(bulk["kept"], taken, taken.shape[1])
    spectra, overlaps, nullities = [], [], []

    def compare(rows: np.ndarray, exact: str, chance: float, null: int, **columns: str) -> None:
        # inside a null space, or inside the exact bulk, a subspace of k dimensions is one of many
        least = max(null, taken.shape[1] if exact == "kept" else 0)
        table = subspaces.overlap(rows, bulk[exact], dimensions, chance)
        overlaps.append(table.assign(exact_bulk=exact, determined=table["dimension"] >= least, **columns))

    progress = Progress("PFJ", 6, "decompositions")
    for state, at in {"initial": theta[0], "final": theta[-1]}.items():
        for name, each in inputs.items():
            P = pfj.parameter_function_jacobian(problem.logits, at, each)
            S, rows = pfj.decompose(P)
            null = pfj.nullity(S)
            columns = {"state": state, "inputs": name}
            spectra.append(pd.DataFrame({"index": np.arange(1, len(S) + 1), "sigma": S}).assign(**columns))
            trivial = pfj.trivial_nullity(each, chosen["model"]["hidden"], P.shape[0] // len(each))
            counted: dict[str, str | int] = {"outputs": len(P), "nullity": null, **trivial}
            nullities.append({**columns, **counted})
            compare(rows, "kept", subspaces.chance(len(S)), null, **columns)
            exact = exact_bulk.basis(problem.shapes, each)
            left, chance = subspaces.take_out(rows, exact, null), subspaces.chance(len(S), exact, taken)
            compare(left, "removed", chance, null - exact.shape[1], **columns)
            progress.advance(1)
    size, largest, columns = theta.shape[1], max(dimensions), {"inputs": "random"}
    compare(subspaces.random_subspace(largest, size, seed), "kept", subspaces.chance(size), 0, **columns)
    random = subspaces.random_subspace(largest, size, seed, without=taken)
    compare(random, "removed", subspaces.chance(size, taken, taken), 0, **columns)
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "spectrum.csv", pd.concat(spectra))
    store.write_csv(out / "overlaps.csv", pd.concat(overlaps))
    store.write_csv(out / "nullity.csv", pd.DataFrame(nullities))
