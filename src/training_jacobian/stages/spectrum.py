"""The spectrum stage."""

from pathlib import Path
from typing import Any

from training_jacobian import exact_bulk, spectrum, store
from training_jacobian.recipe import Recipe, parameters


def make_spectrum(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `directions.csv`, `counts.csv` and `summary.json`.

    `exact` tells which directions are of the measured exact bulk, empty where rounding hides it.  Raises
    ArithmeticError if J does not keep the predicted one.
    """
    parts = store.read_hdf5(svd_file, recipe, "svd")
    U, S, Vt = parts["U"], parts["S"], parts["Vt"]
    inputs = store.read_hdf5(data_file, recipe, "data", ["inputs_train"])["inputs_train"]
    epochs = store.read_hdf5(
        train_file, recipe, "train", ["epochs/test_loss", "epochs/test_accuracy", "epochs/train_loss"]
    )
    chosen = parameters(recipe)
    settings = chosen["spectrum"]
    exact = exact_bulk.of_run(chosen, inputs, parts)
    directions = spectrum.directions(U, S, Vt, settings["bulk_tolerance"])
    directions["exact"] = exact_bulk.are_exact(Vt, exact)
    summary: dict[str, Any] = {
        "parameters": len(S),
        **{f"sigma_{i + 1}": float(S[i]) for i in range(min(3, len(S)))},
        **{
            f"{region}_directions": int((directions["region"] == region).sum())
            for region in ("chaotic", "bulk", "stable")
        },
        "exact_bulk_predicted": exact.predicted,
        "exact_bulk_measured": None if exact.measured is None else exact.measured.shape[1],
        "exact_bulk_defect": exact.defect,
        "svd_residual": float(parts["residual"]),
        **{name.removeprefix("epochs/"): float(values[-1]) for name, values in epochs.items()},
    }
    store.write_recipe(out, recipe, "float64")
    store.write_csv(out / "directions.csv", directions)
    store.write_csv(out / "counts.csv", spectrum.counts(S, settings["thresholds"]))
    store.write_json(out / "summary.json", summary)
