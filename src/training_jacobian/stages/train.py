"""The train stage."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import initial, store, training
from training_jacobian.recipe import Recipe, file_digest, parameters
from training_jacobian.stages.problem import Problem, memory_names


def make_train(recipe: Recipe, data_file: Path, theta_file: Path | None, out: Path) -> None:
    """`train.h5`: theta (T+1, N), optimizer/* (T+1, ...), batches (T, B), and epochs/*: losses and accuracies."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    options = dict(parameters(recipe)["initial"])
    if options.pop("name") == "file":
        if theta_file is None or file_digest(str(theta_file)) != options["sha256"]:
            raise store.ArtifactError(f"{theta_file} was changed after the workflow was started; run it again")
        theta = initial.read(theta_file, problem.shapes)
    else:
        theta = initial.draw(problem.shapes, **options)
    states = training.trajectory(problem.step, problem.start(theta), jnp.asarray(problem.batches))
    per_epoch = len(problem.batches) // problem.settings["epochs"]
    steps = np.arange(0, len(problem.batches) + 1, per_epoch)
    datasets = {
        "theta": np.asarray(states.theta),
        **{
            name: np.asarray(leaf)
            for name, leaf in zip(memory_names(states), jax.tree.leaves(states.optimizer), strict=True)
        },
        "batches": problem.batches,
        "epochs/step": steps,
    }
    for part in ("train", "test"):
        loss, accuracy = problem.evaluate(states.theta[steps], part)
        datasets |= {f"epochs/{part}_loss": np.asarray(loss), f"epochs/{part}_accuracy": np.asarray(accuracy)}
    store.write_recipe(out.parent, recipe, str(problem.dtype))
    store.write_hdf5(out, datasets, recipe, dtype=str(problem.dtype))
