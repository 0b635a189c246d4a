"""The Jacobian stage: column blocks gathered into one matrix."""

from pathlib import Path

import numpy as np

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe


def make(recipe: Recipe, blocks: list[Path], out: Path) -> None:
    """`jacobian.h5`: J (N, N), gathered from the column blocks; J[i, j] = d theta_T[i] / d theta_0[j]."""
    J, done = np.empty((0, 0)), 0
    for block in blocks:
        first, rows = store.read_block(block, recipe)
        if not done:
            J = np.empty((rows.shape[1], rows.shape[1]), rows.dtype)
        if first != done or block.name != f"columns-{first}-{first + len(rows)}.h5":
            raise store.ArtifactError(
                f"{block}: holds the columns from {first} on, {len(rows)} of them, where those from {done} on belong; "
                f"delete {block} and run the same command again"
            )
        J[:, done : done + len(rows)] = rows[: len(J) - done].T
        done += len(rows)
    if done != len(J):
        raise store.ArtifactError(
            f"{out}: the blocks have {done} columns, not {len(J)}; delete {out.parent} and run again"
        )
    store.write_recipe(out.parent, recipe, str(J.dtype))
    store.write_hdf5(out, {"J": J}, recipe, dtype=str(J.dtype))
    for orphan in set(out.parent.glob("*columns-*")) - set(blocks):  # of jobs killed earlier, maybe of another number
        orphan.unlink()
