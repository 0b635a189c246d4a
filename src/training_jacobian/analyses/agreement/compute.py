"""J v beside central differences."""

from typing import Any

from training_jacobian.jacobian import differences
from training_jacobian.run import Run

DIRECTIONS, SEED = 2, 0


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`differences.csv`: one row a random direction and size of the step in theta_0 (jacobian/differences.py)."""
    return {"differences.csv": differences.compare(run.trajectory(), run.jacobian(), DIRECTIONS, SEED)}
