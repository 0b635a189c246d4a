"""The train stage."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian import divergence, initial, store, training
from training_jacobian.datasets import dataset
from training_jacobian.integrity import file_digest
from training_jacobian.recipe import Recipe, parameters
from training_jacobian.stages.problem import Problem, memory_names


def make_train(recipe: Recipe, data_file: Path, theta_file: Path | None, out: Path) -> None:
    """`train.h5`: theta (T / k + 1, N), optimizer/* (T / k + 1, ...), batches (T, B), epochs/*: losses and accuracies.

    k, the attribute `every`, is 1 where the states of all steps fit (training.every).
    """
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    options = dict(parameters(recipe)["initial"])
    if options.pop("name") == "file":
        if theta_file is None or file_digest(theta_file) != options["sha256"]:
            raise store.ArtifactError(f"{theta_file} was changed after the workflow was started; run it again")
        theta = initial.read(theta_file, problem.shapes)
    else:
        theta = initial.draw(problem.shapes, **options)
    start, per_epoch = problem.start(theta), len(problem.batches) // problem.settings["epochs"]
    all_states = (len(problem.batches) + 1) * sum(leaf.nbytes for leaf in jax.tree.leaves(start))
    every = training.every(all_states, per_epoch)
    states = training.trajectory(problem.step, start, jnp.asarray(problem.batches), every)
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
        loss, accuracy = problem.evaluate(states.theta[steps // every], part)
        datasets |= {f"epochs/{part}_loss": np.asarray(loss), f"epochs/{part}_accuracy": np.asarray(accuracy)}
    settings, kept = problem.settings, problem.settings.get("may_diverge", False)
    if not kept:
        chosen = settings["optimizer"]["learning_rate"], settings["schedule"], len(problem.batches)
        losses, loss_of = datasets["epochs/train_loss"], lambda theta: problem.evaluate(theta, "train")[0]
        guessed = math.log(dataset(parameters(recipe)["data"]["name"]).CLASSES)  # loss of a network that knows nothing
        divergence.check(states.theta, every, steps, losses, loss_of, training.learning_rate(*chosen), guessed)
    store.write_recipe(out.parent, recipe, str(problem.dtype))
    store.write_hdf5(out, datasets, recipe, finite=not kept, dtype=str(problem.dtype), every=every)
