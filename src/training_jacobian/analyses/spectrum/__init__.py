"""What the singular values of J say: regions, counts, the exact bulk, how far directions turn."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from training_jacobian.declaration import PYTHON, Analysis, Kind
from training_jacobian.section import Section


class Spectrum(Section):
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=1)
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this")

    @field_validator("thresholds")
    @classmethod
    def fall(cls, values: list[float]) -> list[float]:
        if any(a <= b for a, b in pairwise(values)):
            raise PydanticCustomError("thresholds", "must fall from each value to the next")
        return values


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("directions.csv", "counts.csv", "summary.json"),
    kinds={
        "spectrum": Kind(
            "directions.csv",
            "Singular values of J from the largest to the smallest. Above 1 (dashed) a direction is stretched by "
            "training: chaotic. At 1 it is left as it is: bulk. Below 1 it is forgotten: stable. The length of "
            "the flat part counts the bulk.",
        ),
        "uv_cosine": Kind(
            "directions.csv",
            "Cosine of each right singular vector v (at the start) and its left one u (at the end). 1 means that "
            "training does not turn the direction; in the bulk it hardly does.",
        ),
        "bird": Kind(
            "directions.csv",
            "How far each singular value is from 1, on a log axis. The deep dip in the middle is the bulk; the "
            "grey band is the exact bulk, which no gradient ever touches. A wider dip means more directions that "
            "training leaves as they are.",
        ),
    },
    settings=Spectrum,
    always=True,
    memory=lambda needs: PYTHON + 9 * needs.matrix // 2,  # U, Vt, U S, and what is made of the exact bulk
    # products of U, S and Vt with the exact bulk, of about a twentieth of N directions for digits
    operations=lambda needs: 0.4 * float(needs.size) ** 3,
    columns=(),
    tells=("train",),
    directions=("directions.csv",),
    defaults=lambda size: {"thresholds": [10.0**-i for i in (1, 2, 3, 4, 6, 8, 10, 12)], "bulk_tolerance": 0.1},
)
