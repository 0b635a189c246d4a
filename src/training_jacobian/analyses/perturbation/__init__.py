"""How training answers a perturbed start, along singular directions of J."""

from typing import Any

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Section, Seed, Sizes


class Perturbation(Section):
    sizes: Sizes = Field(description="of the step in theta_0, Euclidean norm")
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this; the one in its middle is taken")
    linear_tolerance: float = Field(gt=0, lt=1, description="linear: relative error along u at most this")
    seed: Seed = Field(description="of the random direction")


def starts(needs: Any) -> int:
    """Trainings: one from theta_0, and one for each of four directions and each size."""
    return int(1 + 4 * needs.settings("perturbation").sizes.num)


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("responses.csv", "linearity.csv"),
    kinds={
        "perturbation": Kind(
            "responses.csv",
            "How training answers a start that is moved along a direction, by the size of the step. Circles: the "
            "part of the answer along u, squares: the part off it, dashed: what J predicts, crosses: the test "
            "loss. Where the circles leave the dashed line, training is no longer linear.",
        ),
        "linearity": Kind(
            "linearity.csv",
            "For each direction the first size of a step at which the answer is off by more than the tolerance. "
            "Empty means that it is linear up to the largest size tried.",
            drawn=False,
        ),
    },
    settings=Perturbation,
    jax=True,
    memory=lambda needs: JAX + 3 * needs.matrix + needs.theta + needs.trained(starts(needs)),
    operations=lambda needs: needs.training * starts(needs),
    smaller="lower perturbation.sizes.num",
    defaults=lambda size: {
        "sizes": {"start": 1e-3, "stop": 1e3, "num": 30},
        "bulk_tolerance": 0.1,
        "linear_tolerance": 0.1,
        "seed": 0,
    },
)
