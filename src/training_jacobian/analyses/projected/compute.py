"""Training whose steps are projected onto the top space of the Hessian of the whole training loss, or out of it."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from training_jacobian.jacobian import states
from training_jacobian.learning.whole import Whole, classes, of_training_set
from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral.eigen import Tracked, largest, track
from training_jacobian.spectral.subspaces import random_subspace

MORE = 2  # vectors beside the k of the top space: the k-th is found by its distance to the next
FLAT = 1e-10  # an eigenvalue that small, as a part of the largest one, is rounding
FIRST = 1e-6  # residual of the first top space, as a part of the largest eigenvalue


class Projector:
    """The top space of the Hessian at theta, followed along a training; what it was is kept in `rows`."""

    def __init__(self, whole: Whole, k: int, settings: dict[str, Any], kind: str) -> None:
        self.whole, self.k, self.kind, self.iterations = whole, k, kind, settings["iterations"]
        self.now: Tracked | None = None
        self.rows: list[dict[str, Any]] = []

    def move(self, step: int, theta: np.ndarray) -> None:
        """To theta (N,), after which `step` is taken."""
        H = self.whole.hessian(theta)
        if self.now is None:
            start = largest(H, self.k + MORE, FIRST)
            self.now = track(H, np.nan_to_num(start.vectors), self.k, self.iterations)
        else:
            self.now = track(H, self.now.vectors, self.k, self.iterations)
        gradient = self.whole.loss_and_gradient(theta)[1]
        self.rows.append(
            {
                "kind": self.kind,
                "step": step,
                "chi": float(np.linalg.norm(self.top.T @ gradient) / np.linalg.norm(gradient)),
                "residual": self.now.residual,
                "eigenvalue": self.now.values[self.k - 1],
                "next_eigenvalue": self.now.values[self.k],
                "error_bound": self.now.error(self.k),
            }
        )

    @property
    def top(self) -> np.ndarray:
        """Orthonormal basis (N, k)."""
        assert self.now is not None
        return self.now.vectors[:, : self.k]

    def newton(self, theta: np.ndarray) -> np.ndarray:
        """-|H_top|^-1 g_top (N,), g on the whole training set; not along what has no curvature."""
        assert self.now is not None
        inside = self.top.T @ self.whole.loss_and_gradient(theta)[1]
        curvature = np.abs(self.now.values[: self.k])
        curved = curvature > FLAT * np.abs(self.now.values[0])
        return -self.top[:, curved] @ (inside[curved] / curvature[curved])


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """Trainings that go on from a step of the run's own, in its batches, each step's change of theta projected.

    `plain`: not at all; `dominant`: onto the top k-space of the Hessian; `bulk`: out of it; `random`: onto a random
    k-space, another at each refresh; `newton`: instead of the step, -|H_top|^-1 g_top with the whole training set's
    gradient.  What the optimizer remembers stays as it is.

    - `losses.csv`: one row a kind and measured step: loss and accuracy of both parts.
    - `projector.csv`: one row a kind (`plain` until the switch) and refresh: chi = |P g| / |g|; residual of the top
      space, its last eigenvalue and the next; bound on the sine of its largest angle to the true one.
    """
    trajectory, problem = run.trajectory(), run.problem
    whole = of_training_set(problem, settings.get("dtype", "float64"))
    k = settings.get("space") or classes(problem)
    before = Projector(whole, k, settings, "plain")
    switch = settings["switch"] if "switch" in settings else at_level(before, trajectory, settings)
    kinds = ["plain", *settings["kinds"]] if switch is not None else ["plain"]
    progress = Progress("Projected training", len(kinds) * trajectory.steps, "steps")
    rows, losses = list(before.rows), []
    for kind in kinds:
        projector = Projector(whole, k, settings, kind)
        steps, thetas = zip(*train(trajectory, problem, projector, switch, settings, progress), strict=True)
        table = pd.DataFrame({"kind": kind, "step": steps})
        for part in ("train", "test"):
            loss, accuracy = problem.evaluate(jnp.asarray(np.stack(thetas)), part)
            table[f"{part}_loss"], table[f"{part}_accuracy"] = np.asarray(loss), np.asarray(accuracy)
        losses.append(table.assign(switch=np.nan if switch is None else switch))
        rows += projector.rows
    columns = ["kind", "step", "chi", "residual", "eigenvalue", "next_eigenvalue", "error_bound"]
    return {"losses.csv": pd.concat(losses), "projector.csv": pd.DataFrame(rows, columns=columns)}


def at_level(projector: Projector, trajectory: Any, settings: dict[str, Any]) -> int | None:
    """The first step after which chi, averaged, is above the level; None if it never is."""
    average, decay = 0.0, settings.get("decay", 0.9)
    for step in range(0, trajectory.steps, settings["refresh"]):
        projector.move(step, states.theta(trajectory, step))
        chi = projector.rows[-1]["chi"]
        average = chi if step == 0 else decay * average + (1 - decay) * chi
        if average > settings["chi"]:
            return step
    return None


def train(
    trajectory: Any,
    problem: Any,
    projector: Projector,
    switch: int | None,
    settings: dict[str, Any],
    progress: Progress,
) -> Iterator[tuple[int, np.ndarray]]:
    """Measured steps, and theta (N,) there, of a training of the projector's kind."""
    first = trajectory.steps if switch is None else switch
    measured = {*range(0, trajectory.steps, settings["every"]), trajectory.steps}
    for step in sorted(each for each in measured if each <= first):
        yield step, np.asarray(states.state(trajectory, step).theta)
    progress.advance(first)
    state = states.state(trajectory, first)
    take, random = jax.jit(problem.step), None
    for step in range(first, trajectory.steps):
        theta = np.asarray(state.theta, np.float64)
        fresh = (step - first) % settings["refresh"] == 0
        if fresh and projector.kind in ("dominant", "bulk", "newton"):
            projector.move(step, theta)
        if fresh and projector.kind == "random":
            random = random_subspace(projector.k, len(theta), settings["seed"] + step)
        with jax.enable_x64(trajectory.x64):
            after = take(state, problem.batches[step])
            change = np.asarray(after.theta, np.float64) - theta
            moved = theta + projected(change, projector, random, theta)
            dtype = after.theta.dtype
            state = after if projector.kind == "plain" else after._replace(theta=jnp.asarray(moved, dtype))
        if step + 1 in measured:
            yield step + 1, np.asarray(state.theta)
        progress.advance(1)


def projected(change: np.ndarray, projector: Projector, random: np.ndarray | None, theta: np.ndarray) -> np.ndarray:
    """What is kept of a change of theta (N,)."""
    if projector.kind == "newton":
        return projector.newton(theta)
    if projector.kind == "random" and random is not None:
        return random.T @ (random @ change)
    if projector.kind == "plain":
        return change
    inside: np.ndarray = projector.top @ (projector.top.T @ change)
    return inside if projector.kind == "dominant" else change - inside
