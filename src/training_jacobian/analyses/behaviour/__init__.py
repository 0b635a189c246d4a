"""What steps along singular directions do to the trained network."""

from typing import Any

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Section, Seed

CHUNK = 16  # networks evaluated together: what they hold must stay in the cache


class Behaviour(Section):
    size: float = Field(gt=0, le=100, description="of the step in theta_T, Euclidean norm")
    seed: Seed = Field(description="of the white-noise inputs")


def memory(needs: Any) -> int:
    """Bytes: U, Vt, U S, and what is made of the exact bulk; then Vt, scaled, and in float64."""
    networks = CHUNK * needs.train_size * (2 * needs.widest + 4 * needs.classes) * 8
    return int(JAX + 9 * needs.matrix // 2 + 3 * needs.theta + needs.examples + networks)


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("divergence.csv", "displacement.csv"),
    kinds={
        "divergence": Kind(
            "divergence.csv",
            "How much the outputs of the trained network change after a step along each singular direction, one "
            "panel for each kind of inputs. A dip in the middle says that steps in the bulk change hardly "
            "anything on such inputs. Grey dots are the exact bulk, black dots are medians.",
            alike=("loss",),
        ),
        "displacement": Kind(
            "displacement.csv",
            "How far training moved along each singular direction. High at both ends and low in the middle: "
            "training goes along chaotic and stable directions and leaves the bulk alone.",
        ),
    },
    settings=Behaviour,
    directions=("displacement.csv", "divergence.csv"),
    jax=True,
    memory=memory,
    operations=lambda needs: 8 * needs.size * needs.train_size * needs.multiplications,
    defaults=lambda size: {"size": 1.0, "seed": 0},
    asks=("network",),
    pace=0.35,
)
