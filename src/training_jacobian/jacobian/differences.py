"""Whether J is how training answers: J v beside central differences of whole trainings, along random directions.

J is the derivative of the steps as they were taken.  Where a step does what no derivative sees (the sign of Lion, an
argmax, a rounded number), or where training is so chaotic that no step is small, the answer to a small change of
theta_0 is another.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from training_jacobian.jacobian.operator import MEMORY, TrainingJacobian
from training_jacobian.jacobian.steps import Steps
from training_jacobian.jacobian.verdict import TOLERANCE, up_to, worst

STEPS = (
    0.03,
    0.3,
    3.0,
    30.0,
)  # sizes, times |theta_0| and the cube root of eps, where rounding and curvature are alike


class Agreement(NamedTuple):
    """How far J v is from central differences; `error` is a part of |J v|, the largest over the directions.

    `up_to`: the largest step in theta_0 that was tried for which it is small; not a number if there is none.
    """

    agrees: bool
    error: float
    up_to: float
    table: pd.DataFrame

    def __str__(self) -> str:
        verdict = f"describes, for steps up to {self.up_to:.1e}," if self.agrees else "does NOT describe"
        return f"J {verdict} how training answers: J v is off central differences by {self.error:.1e} of its size"


def check(training: Steps, directions: int = 3, tolerance: float = TOLERANCE, seed: int = 0) -> Agreement:
    """Compare J with central differences along `directions` random unit vectors, each in steps of four sizes.

    Of each direction the size counts at which both agree second best: where there is a derivative, sizes around agree,
    and next to a jump one may by chance.  It takes eight trainings a direction.  `table` has one
    row a direction and size: `direction` from 1, `size` of the step in theta_0, `predicted` = |J v|, `difference` =
    |J v - central difference|, `error` = their ratio.  Raises ValueError if there is nothing to compare.
    """
    if directions < 1:
        raise ValueError(f"directions = {directions}; give at least 1")
    table = compare(training, TrainingJacobian(training, memory=MEMORY), directions, seed)
    error = worst(table)
    return Agreement(error <= tolerance, error, up_to(table, tolerance), table)


def compare(training: Steps, J: TrainingJacobian, directions: int, seed: int) -> pd.DataFrame:
    """The table of `check`."""
    theta = np.asarray(training.start.theta)
    v = np.random.default_rng(seed).standard_normal((directions, len(theta)))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    images = np.asarray(J @ v.T, np.float64).T
    scale = float(np.finfo(theta.dtype).eps) ** (1 / 3) * (float(np.linalg.norm(theta)) or 1.0)
    rows = []
    for factor in STEPS:
        size = factor * scale
        ends = np.asarray(training.ends(np.concatenate([theta + size * v, theta - size * v])), np.float64)
        differences = (ends[:directions] - ends[directions:]) / (2 * size)
        for i in range(directions):
            predicted = float(np.linalg.norm(images[i]))
            off = float(np.linalg.norm(differences[i] - images[i]))
            error = off / predicted if predicted else np.inf
            rows.append({"direction": i + 1, "size": size, "predicted": predicted, "difference": off, "error": error})
    return pd.DataFrame(rows).sort_values(["direction", "size"], ignore_index=True)
