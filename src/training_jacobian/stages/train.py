"""The train stage."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import Recipe, parameters
from training_jacobian.artifacts.integrity import file_digest
from training_jacobian.learning import components, divergence, initial, training
from training_jacobian.learning.problem import Problem, memory_names


def make(recipe: Recipe, theta_file: Path | None, out: Path) -> None:
    """`train.h5`: theta (T / k + 1, N), optimizer/* (T / k + 1, ...), batches (T, B), epochs/*: losses and accuracies.

    k, the attribute `every`, is 1 where the states of all steps fit (training.every).  A regression has no accuracies:
    they are NaN.
    """
    chosen = parameters(recipe)
    problem = Problem(chosen, store.read_stage(recipe, "data"))
    theta = first(problem, chosen, theta_file)
    problem.check(theta)
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
    kept = problem.settings.get("may_diverge", False)
    if not kept:
        losses, loss_of = datasets["epochs/train_loss"], lambda theta: problem.evaluate(theta, "train")[0]
        least, unit = max(problem.guess, abs(float(losses[0]))), problem.loss.UNIT
        divergence.check(states.theta, every, steps, losses, loss_of, problem.learning_rate, least, unit)
    store.write_recipe(out.parent, recipe, str(problem.dtype))
    empty = [f"epochs/{part}_accuracy" for part in ("train", "test")] if problem.regression else []
    store.write_hdf5(out, datasets, recipe, finite=not kept, empty=empty, dtype=str(problem.dtype), every=every)


def first(problem: Problem, chosen: dict[str, Any], theta_file: Path | None) -> np.ndarray:
    """theta_0 (N,): the numbers of a file, or drawn, from the model's own distributions where it has them.

    A model from a file draws all of it.
    """
    options = dict(chosen["initial"])
    if options.pop("name") == "file":
        if theta_file is None or file_digest(theta_file) != options["sha256"]:
            raise store.ArtifactError(f"{theta_file} was changed after the workflow was started; run it again")
        return initial.read(theta_file, problem.shapes)
    model = components.chosen("models", chosen["model"])
    if hasattr(model, "draw"):
        drawn: np.ndarray = model.draw(problem.shapes, options["seed"])
        return drawn
    own = model.start(chosen["model"]) if hasattr(model, "start") else {}
    return initial.draw(problem.shapes, **options, own=own)
