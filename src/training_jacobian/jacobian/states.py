"""Single states of a training, the last among them, however few are kept."""

from collections.abc import Iterator

import jax
import numpy as np

from training_jacobian.jacobian.steps import Steps
from training_jacobian.learning.training import State

MANY = 256  # states read at a time


def state(trajectory: Steps, step: int) -> State:
    """s_step, theta flat (N,), for a step in 0..T."""
    if step == trajectory.steps:  # nothing is made again from the last one
        return trajectory.end
    with jax.enable_x64(trajectory.x64):
        one: State = jax.tree.map(lambda leaf: leaf[0], trajectory.states(step, step + 1))
    return one


def theta(trajectory: Steps, step: int) -> np.ndarray:
    """theta (N,) there, in float64."""
    return np.asarray(state(trajectory, step).theta, np.float64)


def thetas(trajectory: Steps, steps: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Each of these steps, which rise in 0..T, and theta (N,) there, in float64."""
    for first in range(0, trajectory.steps, MANY):
        last = min(first + MANY, trajectory.steps)
        asked = [step for step in steps if first <= step < last]
        if asked:
            states = np.asarray(trajectory.states(asked[0], asked[-1] + 1).theta)
            yield from ((step, states[step - asked[0]].astype(np.float64)) for step in asked)
    if trajectory.steps in steps:
        yield trajectory.steps, theta(trajectory, trajectory.steps)
