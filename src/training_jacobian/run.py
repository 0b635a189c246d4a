"""What an analysis may ask of a run: its parameters, its data, its training and its Jacobian, stored in files.

JAX is imported by what needs it: an analysis that reads the SVD alone starts a second earlier.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe, ancestors, parameters, path

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

    from training_jacobian.jacobian.operator import TrainingJacobian
    from training_jacobian.jacobian.trajectory import Trajectory
    from training_jacobian.learning.problem import Problem

MEMORY = 2**30  # bytes for linearised steps: the fewer segments, the less is allocated and freed


class Run:
    """The run of a recipe, whose files lie in the project at `root`; `folder` is where its products are kept.

    Each file is checked before it is read.  Raises ArtifactError where one is missing, damaged or another's.
    """

    def __init__(self, recipe: Recipe, root: Path = Path(), folder: Path | None = None) -> None:
        self.recipe, self.root, self.folder = recipe, root, folder
        self.parameters: dict[str, Any] = parameters(recipe)

    def read(self, stage: str, names: list[str] | None = None, file: str = "") -> dict[str, np.ndarray]:
        """Datasets, all or `names`, of an HDF5 file of an earlier stage."""
        return store.read_stage(self.recipe, stage, names, file, self.root)

    @cached_property
    def problem(self) -> "Problem":
        """The training as a map, with its data."""
        from training_jacobian.learning.problem import Problem

        return Problem(self.parameters, self.read("data"))

    @cached_property
    def inputs(self) -> np.ndarray:
        """Training inputs (n, d), as they are stored."""
        return self.read("data", ["inputs_train"])["inputs_train"]

    @property
    def theta(self) -> np.ndarray:
        """States of theta that are kept (T / k + 1, N), the first and the last among them."""
        return self.read("train", ["theta"])["theta"]

    def trajectory(self) -> "Trajectory":
        """The stored training; its states are read when they are needed."""
        from training_jacobian.jacobian.trajectory import stored
        from training_jacobian.learning.problem import memory_names

        problem = self.problem
        start = problem.start(np.zeros(problem.size))
        names = ["theta", *memory_names(start)]
        file = self.root / path(ancestors(self.recipe)["train"], "train.h5")
        rows = store.Rows(file, self.recipe, "train", names)
        remake = _trajectory, (self.recipe, self.root.resolve())
        return stored(problem.gradient, problem.optimizer, start, problem.batches, rows, remake, problem.shapes)

    def jacobian(self, memory: int = MEMORY) -> "TrainingJacobian":
        """J (N, N) as an operator; its linearised steps take so many bytes at a time."""
        from training_jacobian.jacobian.operator import TrainingJacobian

        return TrainingJacobian(self.trajectory(), memory=memory)

    def remembered(self, operator: "LinearOperator", name: str) -> "LinearOperator":
        """The operator, whose products are kept until the analysis is done: killed, it goes on."""
        from training_jacobian.spectral.remembered import Remembered

        return Remembered(operator, self.folder / name) if self.folder else operator


def _trajectory(recipe: Recipe, root: Path) -> "Trajectory":
    """For pickling: the same in another process."""
    return Run(recipe, root).trajectory()
