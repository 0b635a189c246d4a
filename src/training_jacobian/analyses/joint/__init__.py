"""Where the Hessian's top spaces, and the gradient's path, lie in the regions of the training Jacobian.

Both pictures on one network: top spaces of Gur-Ari et al. (arXiv 1812.04754); chaotic, bulk and stable directions of
Belrose and Scherlis (arXiv 2412.07003).
"""

from typing import Any

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind, must_measure
from training_jacobian.section import Count, Section, Seed, refuse


class Joint(Section):
    checkpoints: list[int] = Field(min_length=1, description="steps; the last is one of them in any case")
    space: Count | None = Field(default=None, description="k, the dimension of the top space; the number of classes")
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this")
    tolerance: float = Field(gt=0, lt=1, description="largest residual of an eigenpair, as a part of the largest one")
    seed: Seed = Field(description="of the random space")


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if a run has no exact bulk to leave out, or not these steps."""
    must_measure(run)
    for step in settings.checkpoints:
        if not 0 <= step <= run.steps:
            refuse(f"joint.checkpoints: there is no step {step} in 0..{run.steps}; correct it")
    if (k := settings.space or run.facts("data").CLASSES) >= run.size:
        refuse(f"the top space of dimension {k} is too large for {run.size} parameters; lower joint.space")


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("spaces.csv", "path.csv"),
    kinds={
        "joint_spaces": Kind(
            "spaces.csv",
            "In which region of J the top space of the Hessian lies, step by step: at the left seen from the "
            "start (right singular directions), at the right from the end (left ones). Dotted lines are chance, "
            "diamonds the averaged Hessian. A curve at 1 says that all of the top space is in that region.",
        ),
        "joint_path": Kind(
            "path.csv",
            "In which region of J the gradient lies, step by step; dashed lines are the whole way from start to "
            "end. At the left seen from the start, at the right from the end. Shares add up to 1.",
        ),
    },
    settings=Joint,
    jax=True,
    memory=lambda needs: JAX + 9 * needs.matrix // 2 + needs.theta + 3 * needs.examples * 8 // needs.itemsize,
    operations=lambda needs: 12 * needs.multiplications * needs.train_size * 1000,
    pace=0.3,
    check=check,
    defaults=lambda size: {"checkpoints": [0], "bulk_tolerance": 0.1, "tolerance": 1e-8, "seed": 0},
    asks=("optimizer",),
)
