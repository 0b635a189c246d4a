"""Trainings that explode: their Jacobian is a number without a meaning, so they stop, and say where."""

from collections.abc import Callable
from typing import Any

import numpy as np

EXPLODED = 100  # times the loss at the start; learning rates at the edge of stability stay below 50
AT_ONCE = 16  # states of which the loss is asked for: those of an epoch may be many


class DivergedError(ArithmeticError):
    """A training has no finite end, or one of nonsense; the message says at which step and what to do."""


def check(
    thetas: Any,
    every: int,
    epochs: np.ndarray,
    losses: np.ndarray,
    loss_of: Callable[[Any], Any],
    rate: Any,
    least: float,
    unit: str,
) -> None:
    """Raise DivergedError if a training has exploded.

    `thetas` (T / every + 1, N) are its stored states, `losses` (E + 1,) the training losses, in `unit`, at the steps
    `epochs` (E + 1,), the first of which is 0; `loss_of` gives those of any states (k, N); `rate` is the learning rate,
    or a function of the step.  Exploded is what is not finite, or has a loss of 100 times that of the start, or `least`
    if it starts below that.
    """
    limit = EXPLODED * max(float(losses[0]), least)
    finite = np.isfinite(np.asarray(thetas)).all(axis=1)
    wrong = ~(losses <= limit)
    if finite.all() and not wrong.any():
        return
    last = epochs[int(np.argmax(wrong))] // every if wrong.any() else len(thetas) - 1
    if finite[: last + 1].all():  # the first within that epoch whose loss is as large
        row = last
        for first in range(epochs[max(0, int(np.argmax(wrong)) - 1)] // every, last, AT_ONCE):
            over = ~(np.asarray(loss_of(thetas[first : min(first + AT_ONCE, last)])) <= limit)
            if over.any():
                row = first + int(np.argmax(over))
                break
    else:
        row = int(np.argmin(finite))
    if finite[row]:
        loss = float(np.asarray(loss_of(thetas[row : row + 1]))[0])
        found = f"its loss is {f'{loss:.3g} {unit}'.strip()}, {losses[0]:.3g} at the start"
    else:
        found = "theta is not finite"
    at = float(rate(max(0, row * every - 1)) if callable(rate) else rate)
    steps = f"step {row * every}" if every == 1 else f"steps {max(0, (row - 1) * every) + 1} to {row * every}"
    raise DivergedError(
        f"training has diverged at {steps} of {(len(thetas) - 1) * every}, where the learning rate is {at:.3g}: "
        f"{found}; "
        "lower training.optimizer.learning_rate, or keep it with training.may_diverge: true"
    )
