"""The largest singular triplets, from products with J, which is never formed."""

from typing import Annotated

from pydantic import Field, model_validator

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Count, Section, refuse


class Published(Section):
    """Singular values of J that others have found."""

    index: list[Count]
    sigma: list[Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def are_pairs(self) -> "Published":
        if len(self.index) != len(self.sigma):
            refuse(f"index has {len(self.index)} values and sigma {len(self.sigma)}; give as many")
        return self


class Options(Section):
    published: Published | None = Field(default=None, description="to be drawn beside those of J")


def passing(needs) -> int:  # type: ignore[no-untyped-def]
    """Bytes of the products, until the triplets are there."""
    svd = needs.run.svd
    return 2 * needs.size * needs.itemsize * min(svd.products, needs.size) * len(svd.operators)


ANALYSIS = Analysis(
    after="train",
    inputs=("data", "train"),
    files=("triplets.h5", "triplets.csv"),
    kinds={
        "triplets": Kind(
            "triplets.csv",
            "The largest singular values of J, and of J - I, of a run whose J is too large to be formed; below, "
            "the largest error that each can have, as a part of it. Black crosses are published values.",
            options=Options,
        )
    },
    reads=("svd",),
    method="partial",
    always=True,
    jax=True,
    threads="products",
    memory=lambda needs: JAX + needs.products(needs.run.svd.block) + needs.basis,
    operations=lambda needs: (
        2 * needs.tangent * needs.run.svd.products * len(needs.run.svd.operators)
        + 16 * needs.size * needs.run.svd.products**2
    ),
    pace=0.5,
    disk=lambda needs: 16 * needs.size * needs.run.svd.rank * len(needs.run.svd.operators),
    passing=passing,
    minutes=240,
    smaller="lower svd.products or svd.rank",
    columns=(),
    defaults=lambda size: {
        "rank": min(20, size),
        "operators": ["J", "J_minus_identity"],
        "tolerance": 1e-6,
        "products": min(200, size),
        "block": min(20, size),
        "seed": 0,
    },
)
