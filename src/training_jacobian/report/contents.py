"""What the report says, from the files of a project: for the template, numbers already text."""

import json
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from platform import python_version
from typing import Any

import pandas as pd
from PIL import Image

from training_jacobian import __version__
from training_jacobian.artifacts.address import Recipe
from training_jacobian.artifacts.integrity import bytes_of
from training_jacobian.artifacts.store import check
from training_jacobian.report.cells import table, text
from training_jacobian.report.explorer import data_uri

# what jobs have, wherever they run
LIBRARIES = ("jax", "jaxlib", "numpy", "scipy", "pandas", "h5py", "matplotlib", "altair", "itables")
REGIONS = ("chaotic", "bulk", "stable")
SIGNS = {"agrees": "\u2713", "agrees within seeds": "\u2248", "differs": "\u2717", "not computed": "\u2013"}


def of(recipe: Recipe) -> dict[str, Any]:
    """All of it but the explorer.  Raises ArtifactError if a file is missing or damaged."""
    parameters = recipe["parameters"]
    figures = {columns["figure"]: Path(folder) for columns, folder in recipe["inputs"] if "figure" in columns}
    runs = pd.read_csv(check(figures["runs"] / "runs.csv"))
    return {
        **parameters,
        "counts": _counts(runs, parameters["explorer"]),
        "undescribed": _undescribed(runs),
        "missing": [run for run in runs["run"] if run not in parameters["explorer"]],
        "statements": _statements(figures.get("summary")),
        "signs": SIGNS,
        "runs_table": table(runs, len(runs)),
        "drawn": [_figure(name, folder, parameters["figures"][name]) for name, folder in figures.items()],
        "versions": {"training-jacobian": __version__, "Python": python_version()}
        | {name: version(name) for name in LIBRARIES},
        "made_by": sorted({_made_by(Path(folder)) for _, folder in recipe["inputs"]}),
    }


def _made_by(folder: Path) -> str:
    """The version that computed what lies in a folder."""
    return str(json.loads(bytes_of(folder / "recipe.json"))["version"])


def _counts(runs: pd.DataFrame, explored: dict[str, Any]) -> list[dict[str, str]]:
    """Of each run whose J is decomposed: how many directions are of which region."""
    rows = []
    for row in runs[runs["run"].isin(list(explored))].to_dict("records"):
        counts = {region: int(row[f"{region}_directions"]) for region in REGIONS}
        size = int(row["parameters"])
        exact = row["exact_bulk_measured"]
        rows.append(
            {
                "run": row["run"],
                "parameters": str(size),
                **{region: str(count) for region, count in counts.items()},
                "percent": f"{100 * counts['bulk'] / size:.0f}",
                "exact": "hidden by rounding" if pd.isna(exact) else str(int(exact)),
                "sigma_1": text(row["sigma_1"]),
                "test_loss": text(row["test_loss"]),
            }
        )
    return rows


def _undescribed(runs: pd.DataFrame) -> list[str]:
    """Runs whose J does not describe how training answers."""
    described = runs.get("describes_response")
    return [] if described is None else list(runs.loc[described.eq(False), "run"])


def _statements(folder: Path | None) -> list[dict[str, Any]]:
    """Rows of the table of a paper's statements, or none."""
    if folder is None:
        return []
    rows = pd.read_csv(check(folder / "summary.csv")).to_dict("records")
    return [{name: text(value) for name, value in row.items()} for row in rows]


def _figure(name: str, folder: Path, said: dict[str, Any]) -> dict[str, Any]:
    """A figure or table: its picture, if it is drawn, and its numbers."""
    files = [f"{name}{suffix}" for suffix in said["suffixes"]]
    made = {"name": name, "key": folder.name, "files": files, **said}
    made["table"] = table(pd.read_csv(check(folder / f"{name}.csv")))
    if ".png" in said["suffixes"]:
        made["picture"], made["width"], made["height"] = _smaller(check(folder / f"{name}.png"))
    return made


def _smaller(file: Path) -> tuple[str, int, int]:
    """The same pixels in half the bytes, as lossless WebP; and its size."""
    with Image.open(file) as image:
        target = BytesIO()
        image.convert("RGB").save(target, "WEBP", lossless=True, method=1)
        return data_uri(target.getvalue(), "webp"), image.width, image.height
