"""What much simpler maps than training would have for a Jacobian, beside the real one.

Gradient descent on a quadratic: with the Hessian of the start; with the average one, and the run's own momentum; and
the exponential of the sum of all Hessians.  The optimizer must be SGD.
"""

from typing import Annotated, Any

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind, must_fit, must_measure
from training_jacobian.section import Dimensions, Section, refuse


class NullModels(Section):
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=1, description="of |sigma - 1|")
    dimensions: Dimensions = Field(description="of the bulks that are compared")


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if the run is not of SGD, or dimensions are too large."""
    optimizer = getattr(run.training, "optimizer", None)
    if optimizer is None:
        refuse("they are of SGD by its parameters, which only a run of params.yaml tells; put it there")
    if optimizer.name != "sgd":
        refuse(f"its null models are of SGD, and its optimizer is {optimizer.name!r}; choose another run")
    if optimizer.weight_decay:
        refuse(f"null models have no weight decay, and it has {optimizer.weight_decay}; choose another run")
    if run.training.clip_norm:
        refuse("null models clip no gradient, and its clip_norm does; choose another run")
    must_measure(run)
    must_fit("null_models", settings.dimensions, run.size, "the")


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("spectra.csv", "counts.csv", "overlaps.csv"),
    kinds={
        "null_spectra": Kind(
            "spectra.csv",
            "Singular values of J beside those of much simpler maps, such as gradient descent on a quadratic. At "
            "the left the values, at the right their distance from 1. Where a curve lies on the black one, the "
            "simple map explains J.",
        ),
        "null_overlaps": Kind(
            "overlaps.csv",
            "How much of the bulk of J each simple map shares, above chance, by the dimension of the bulk. 1 is "
            "the same subspace, 0 is chance. At the left for the start, at the right for the end.",
        ),
    },
    settings=NullModels,
    jax=True,
    threads="quarter",
    long=True,
    # U, Vt and what is made of them; three sums, one of them decomposed
    memory=lambda needs: JAX + 12 * needs.matrix + needs.theta + 3 * needs.examples * 8 // needs.itemsize,
    # twice a tangent of the training for each column, and three decompositions
    operations=lambda needs: 2.0 * needs.size * needs.tangent + 3 * 9 * needs.size**3,
    pace=0.3,
    minutes=120,
    check=check,
)
