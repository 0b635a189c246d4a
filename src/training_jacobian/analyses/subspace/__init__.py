"""Training inside subspaces of singular directions, and inside random ones."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind, must_fit
from training_jacobian.section import Dimensions, Section, Seed


class Subspace(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the random subspaces")


class Options(Section):
    subspaces: list[Literal["bulk", "complement", "chaotic", "stable", "random"]] | None = Field(
        default=None, description="which kinds; all"
    )


def masks(needs: Any) -> int:
    """Trainings side by side: four kinds of each dimension."""
    return int(4 * needs.settings("subspace").dimensions.num)


def memory(needs: Any) -> int:
    """Bytes: Vt, in the dtype, its rows, its columns; random: Q, R, rows; and the trainings."""
    share = min(1.0, needs.settings("subspace").dimensions.stop / needs.size)
    bases = int((4 + 3 * share) * needs.matrix)
    return int(JAX + bases + needs.theta + needs.trained(masks(needs)) + 4 * masks(needs) * needs.state)


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("losses.csv",),
    kinds={
        "subspace": Kind(
            "losses.csv",
            "Test loss, and accuracy, of trainings that may move only in a subspace, by its dimension k. A curve "
            "that falls early names directions in which the network learns; one that stays up at a large k names "
            "directions that do not help.",
            options=Options,
        )
    },
    settings=Subspace,
    jax=True,
    long=True,
    memory=memory,
    operations=lambda needs: masks(needs) * (4 * needs.size**2 * needs.run.steps + needs.training),
    smaller="lower subspace.dimensions.num",
    check=lambda settings, run, first: must_fit("subspace", settings.dimensions, run.size, "the"),
    defaults=lambda size: {"dimensions": {"start": max(1, size // 48), "stop": size, "num": 20}, "seed": 0},
    asks=("optimizer", "test"),
)
