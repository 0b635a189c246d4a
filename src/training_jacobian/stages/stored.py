"""The stored training of a recipe."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import layout, store
from training_jacobian.precision import in_64_bits
from training_jacobian.recipe import Recipe
from training_jacobian.stages.problem import Problem, memory_names
from training_jacobian.training import State
from training_jacobian.trajectory import Trajectory


@in_64_bits
def trajectory(recipe: Recipe, data_file: Path, train_file: Path) -> Trajectory:
    """The stored training of a recipe; its states are read when they are needed."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    template = problem.start(np.zeros(layout.size(problem.shapes)))
    stored = store.Rows(train_file, recipe, "train", ["theta", *memory_names(template)])
    structure = jax.tree.structure(template)

    @in_64_bits
    def rows(first: int, last: int) -> State:
        state: State = jax.tree.unflatten(structure, map(jnp.asarray, stored[first:last]))
        return state

    batches, every = jnp.asarray(problem.batches), len(problem.batches) // (len(stored) - 1)
    remake = trajectory, (recipe, data_file.resolve(), train_file.resolve())
    return Trajectory(problem.gradient, problem.optimizer, batches, rows, every, remake=remake)
