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
    kinds={kind: Kind("directions.csv") for kind in ("spectrum", "uv_cosine", "bird")},
    settings=Spectrum,
    always=True,
    memory=lambda needs: PYTHON + 9 * needs.matrix // 2,  # U, Vt, U S, and what is made of the exact bulk
    columns=(),
    tells=("train",),
    defaults=lambda size: {"thresholds": [10.0**-i for i in (1, 2, 3, 4, 6, 8, 10, 12)], "bulk_tolerance": 0.1},
)
