"""How many directions training leaves nearly as they are: counts of singular values of J - I."""

from typing import Annotated, Any

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Section, Seed, refuse


class Density(Section):
    """Of runs with a partial SVD: how many singular values of J - I lie below thresholds."""

    thresholds: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    probes: int = Field(ge=2, le=1000, description="random vectors: the more, the smaller the statistical error")
    steps: int = Field(ge=4, le=10**5, description="of Lanczos: twice as many resolve twice as finely")
    seed: Seed = Field(description="of the probes")


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if there are more steps than directions."""
    if settings.steps > run.size - run.svd.rank:
        refuse(f"density.steps = {settings.steps} are too many; lower it")


def memory(needs: Any) -> int:
    """Bytes: products, and the vectors of Lanczos."""
    settings, rank = needs.settings("density"), needs.run.svd.rank
    vectors = settings.probes * (settings.steps + 8) + 2 * rank
    return int(JAX + needs.products(settings.probes) + 8 * needs.size * vectors)


def operations(needs: Any) -> float:
    """Two tangents a probe and step."""
    settings = needs.settings("density")
    return float(2 * needs.tangent * settings.probes * settings.steps)


def passing(needs: Any) -> int:
    """Bytes of the products, until the counts are there."""
    settings = needs.settings("density")
    return int(2 * needs.size * needs.itemsize * settings.probes * settings.steps)


ANALYSIS = Analysis(
    after="triplets",
    inputs=("data", "train", "triplets"),
    files=("bulk.h5", "counts.csv"),
    kinds={
        "density": Kind(
            "counts.csv",
            "How many directions J changes by at least a threshold t, estimated with random vectors where J is "
            "too large to be formed. Bars are the range that the true count lies in; a steep fall means that most "
            "directions are left nearly as they are.",
        )
    },
    settings=Density,
    method="partial",
    jax=True,
    threads="products",
    memory=memory,
    operations=operations,
    pace=0.5,
    disk=lambda needs: 8 * needs.size * needs.settings("density").probes,
    passing=passing,
    minutes=240,
    smaller="lower density.steps or density.probes",
    check=check,
    defaults=lambda size: {
        "thresholds": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
        "probes": 8,
        "steps": max(4, min(100, size - 20)),
        "seed": 0,
    },
)
