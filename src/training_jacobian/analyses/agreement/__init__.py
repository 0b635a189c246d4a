"""Whether J describes how training answers: J v beside central differences of whole trainings, in random directions.

J is the derivative of the steps as they were taken.  It says nothing of what no derivative sees: the kinks of ReLU, the
sign of Lion.  A run that answers otherwise is marked in its figures.
"""

from typing import Any

from training_jacobian.declaration import JAX, Analysis, Kind

DIRECTIONS, TRAININGS, TOGETHER = 2, 16, 2  # as in compute.py and jacobian/steps.py, which import JAX


def operations(needs: Any) -> float:
    """Floating-point operations: the trainings, and a product with J a direction."""
    return float(TRAININGS * needs.training + DIRECTIONS * needs.tangent)


ANALYSIS = Analysis(
    after="train",
    inputs=("data", "train"),
    files=("differences.csv",),
    kinds={
        "agreement": Kind(
            "differences.csv",
            "How far J v is from what training does when its start is moved by a small step, by the size of the "
            "step. Low is good: J describes the response. At the dashed line the error is as large as J v itself; "
            "a line that starts up there means that J says nothing about such steps.",
        )
    },
    method=None,
    always=True,
    jax=True,
    memory=lambda needs: JAX + needs.products(DIRECTIONS) + needs.trained(TOGETHER) - needs.examples,
    operations=operations,
    pace=0.3,
    smaller="lower training.batch_size",
    columns=(),
    marks=True,
)
