"""Column blocks of the Jacobian stage."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training_jacobian import store
from training_jacobian.linear_operator import TrainingJacobian
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe
from training_jacobian.stages.stored import trajectory


def make_columns(recipe: Recipe, data_file: Path, train_file: Path, first: int, last: int, out: Path) -> None:
    """`columns-<first>-<last>.h5`: columns of J as rows (last - first, N), written as they come."""
    progress = Progress(f"Jacobian columns {first}-{last}", last - first, "columns")
    J = TrainingJacobian(trajectory(recipe, data_file, train_file))

    def pieces() -> Iterator[np.ndarray]:
        for piece in J.pieces(first, last):
            yield piece
            progress.advance(len(piece))

    shape = last - first, J.shape[0]
    store.write_rows(out, "columns", pieces(), shape, recipe, dtype=str(J.dtype), first=first)
