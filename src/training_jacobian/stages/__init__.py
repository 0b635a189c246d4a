"""The stages that all analyses come after, and what is made of analyses: figures and tables.

Cheap to import; a module imports only what its stages need.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """What a stage adds to the recipe of the stage before it.  Its file is `<stage>.h5`."""

    after: str | None
    inputs: tuple[str, ...]  # stages whose files it reads
    reads: tuple[str, ...]  # sections of a run
    code: tuple[str, ...]  # modules that compute it, with what they import
    chosen: tuple[str, ...] = ()  # sections of a run that name components, whose modules count too
    method: str | None = None  # of the SVD of its runs; None: of all


STAGES = {
    "data": Stage(None, (), ("data",), ("stages.data",), ("data",)),
    "train": Stage(
        "data",
        ("data",),
        ("model", "initial", "training", "loss", "order"),
        ("stages.train",),
        ("model", "loss", "order", "training.optimizer", "training.schedule"),
    ),
    "jacobian": Stage("train", ("data", "train"), (), ("stages.columns", "stages.gather"), method="dense"),
    "svd": Stage("jacobian", ("jacobian",), (), ("stages.svd",), method="dense"),
}
# section of a run that names a component -> its kind
COMPONENTS = {
    "data": "datasets",
    "model": "models",
    "loss": "losses",
    "order": "orders",
    "training.optimizer": "optimizers",
    "training.schedule": "schedules",
}
