"""Column blocks of the Jacobian stage."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe
from training_jacobian.jacobian.operator import MEMORY
from training_jacobian.progress import Progress
from training_jacobian.run import Run


def make(recipe: Recipe, first: int, last: int, out: Path) -> None:
    """`columns-<first>-<last>.h5`: columns of J as rows (last - first, N), written as they come."""
    progress = Progress(f"Jacobian columns {first}-{last}", last - first, "columns")
    J = Run(recipe).jacobian(MEMORY)

    def pieces() -> Iterator[np.ndarray]:
        for piece in J.pieces(first, last):
            yield piece
            progress.advance(len(piece))

    shape = last - first, J.shape[0]
    store.write_rows(out, "columns", pieces(), shape, recipe, dtype=str(J.dtype), first=first)
