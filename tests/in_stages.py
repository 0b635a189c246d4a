"""Stages of a tiny project, made in the working directory without an engine."""

from pathlib import Path

import h5py

from training_jacobian.artifacts import address
from training_jacobian.stages import analysis, columns, data, gather, svd, train
from training_jacobian.workflow import plan


def made(folder: Path, text: str, monkeypatch) -> plan.Plan:
    monkeypatch.chdir(folder)
    Path("params.yaml").write_text(text)
    return plan.plan()


def trained(of: dict[str, address.Recipe]) -> Path:
    """`train.h5` of a run, made in the working directory."""
    data.make(of["data"], [], Path(address.path(of["data"], "data.h5")))
    train.make(of["train"], None, out := Path(address.path(of["train"], "train.h5")))
    return out


def decomposed(of: dict[str, address.Recipe]) -> None:
    """J and its SVD of a run."""
    with h5py.File(trained(of)) as file:
        size = file["theta"].shape[1]
    J = Path(address.path(of["jacobian"], "jacobian.h5"))
    block = J.with_name(f"columns-0-{size}.h5")
    columns.make(of["jacobian"], 0, size, block)
    gather.make(of["jacobian"], [block], J)
    svd.make(of["svd"], Path(address.path(of["svd"], "svd.h5")))


def analysed(made: address.Recipe) -> Path:
    """Folder of an analysis."""
    analysis.make(made, out := Path(address.path(made)))
    return out
