"""Column blocks of the Jacobian stage."""

from pathlib import Path

import jax
import jax.numpy as jnp

from training_jacobian import jacobian, store
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe
from training_jacobian.stages.problem import Problem, read_states


def make_columns(recipe: Recipe, data_file: Path, train_file: Path, first: int, last: int, out: Path) -> None:
    """`columns-<first>-<last>.h5`: columns (N, last - first) of J."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    states = read_states(recipe, train_file, problem)
    before = jax.tree.map(lambda leaf: leaf[:-1], states)
    progress = Progress(f"Jacobian columns {first}-{last}", last - first, "columns")
    block = jacobian.columns(problem.step, before, jnp.asarray(problem.batches), first, last, advance=progress.advance)
    store.write_hdf5(out, {"columns": block}, recipe, dtype=str(block.dtype), first=first)
