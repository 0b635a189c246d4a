"""Principal angles between the bulks of two runs."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.declaration import PYTHON, Analysis, Kind, must_fit, must_keep
from training_jacobian.section import Dimensions, Section, Seed, refuse


class Angles(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the random subspaces")


class Options(Section):
    exact_bulk: Literal["kept", "removed"] = "kept"


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if the runs cannot be compared."""
    must_fit("angles", settings.dimensions, run.size // 2, "half the")
    if run.training.dtype != "float64" or run.size != first.size:
        refuse("it cannot be compared; all must be in float64 and have as many parameters")
    must_keep(run)


def operations(needs: Any) -> float:
    """Of four comparisons: the product of the largest bases; for each dimension C C^T and its eigenvalues."""
    settings = needs.settings("angles").dimensions
    first, last, num = settings.start, settings.stop, settings.num
    dimensions = [first + (last - first) * i / max(1, num - 1) for i in range(num)]
    return 4 * (2.0 * needs.size * last**2 + sum(4.0 * k**3 for k in dimensions))


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "svd"),
    files=("overlaps.csv",),
    kinds={
        "angles": Kind(
            "overlaps.csv",
            "How much the bulks of two runs overlap, by the dimension k of the subspaces compared. Above: the "
            "mean cosine of the angles between them, which is high by chance alone when k is large (dotted). "
            "Below: the overlap above chance, 0 for random subspaces and 1 for the same one. A curve well above 0 "
            "says that the two runs share their bulk.",
            options=Options,
        )
    },
    settings=Angles,
    group="pairs",
    memory=lambda needs: PYTHON + 6 * needs.matrix,  # Vt and what is left of it, of both runs; random rows; a product
    operations=operations,
    check=check,
    defaults=lambda size: {
        "dimensions": {"start": max(1, size // 48), "stop": max(2, size // 2), "num": 12},
        "seed": 0,
    },
)
