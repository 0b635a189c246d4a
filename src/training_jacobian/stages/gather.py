"""The Jacobian stage: column blocks gathered into one matrix."""

from pathlib import Path

import numpy as np

from training_jacobian import store
from training_jacobian.recipe import Recipe


def make_jacobian(recipe: Recipe, blocks: list[Path], out: Path) -> None:
    """`jacobian.h5`: J (N, N), gathered from the column blocks; J[i, j] = d theta_T[i] / d theta_0[j]."""
    parts = [store.read_hdf5(block, recipe, "jacobian")["columns"] for block in blocks]
    J = np.concatenate(parts, axis=1)
    if J.shape[0] != J.shape[1]:
        raise store.ArtifactError(
            f"{out}: the column blocks make a {J.shape} matrix; delete {out.parent} and run again"
        )
    store.write_recipe(out.parent, recipe, str(J.dtype))
    store.write_hdf5(out, {"J": J}, recipe, dtype=str(J.dtype))
    for orphan in set(out.parent.glob("columns-*.h5")) - set(blocks):  # of another number of jobs, killed earlier
        orphan.unlink()
