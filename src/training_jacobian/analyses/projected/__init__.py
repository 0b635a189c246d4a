"""Training whose steps are projected onto the Hessian's top space, or out of it, from some step on.

Song, Ahn and Yun, "Does SGD really happen in tiny subspaces?" (ICLR 2025): Dom-SGD and Bulk-SGD.  Their "bulk" is the
complement of the Hessian's top space, not the bulk of the training Jacobian.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Count, Section, Seed, refuse

MORE = 2  # vectors beside the k of the top space, and twice as many products: as in compute.py


class Projected(Section):
    kinds: list[Literal["dominant", "bulk", "random", "newton"]] = Field(
        min_length=1, description="of trainings beside the plain one: which steps are kept"
    )
    refresh: Count = Field(description="steps between two projectors")
    iterations: Count = Field(description="of the block iteration, at each")
    every: Count = Field(description="steps between two at which losses are measured")
    switch: int | None = Field(default=None, ge=0, description="the first step that is projected")
    chi: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="or: from where |P g| / |g|, averaged with weight `decay`, is above it; g of the whole set",
    )
    decay: float = Field(default=0.9, ge=0, lt=1)
    dtype: Literal["float32", "float64"] = Field(default="float64", description="of the products with H")
    space: Count | None = Field(default=None, description="k, the dimension of the top space; the number of classes")
    seed: Seed = Field(description="of the random subspaces")

    @model_validator(mode="after")
    def one_switch(self) -> "Projected":
        if (self.switch is None) == (self.chi is None):
            refuse("it needs one of switch, a step, and chi, a level; give one")
        if len(set(self.kinds)) < len(self.kinds):
            refuse(f"kinds = {self.kinds} names one twice; remove it")
        return self


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if the network is too small, or the switch is after the end."""
    k = settings.space or run.facts("data").CLASSES
    if 3 * (k + MORE) > run.size:
        refuse(f"the top space of dimension {k} is too large for {run.size} parameters; lower projected.space")
    if settings.switch is not None and settings.switch >= run.steps:
        refuse(f"projected.switch = {settings.switch} is not below the {run.steps} steps; lower it")


def operations(needs: Any) -> float:
    """Of the projectors, and of the trainings."""
    settings = needs.settings("projected")
    products = (settings.iterations + 1) * ((settings.space or needs.classes) + MORE) + 2
    with_projector = 1 + len({"dominant", "bulk", "newton"} & set(settings.kinds))
    of_projectors = 12 * needs.multiplications * needs.train_size * products * needs.run.steps / settings.refresh
    return float(with_projector * of_projectors + (1 + len(settings.kinds)) * needs.training)


def memory(needs: Any) -> int:
    """Bytes: the block, what is measured, the examples in float64."""
    settings = needs.settings("projected")
    block = 8 * needs.size * 12 * ((settings.space or needs.classes) + MORE)
    measured = needs.size * needs.itemsize * (len(settings.kinds) + 1) * (needs.run.steps // settings.every + 2)
    outputs = 2 * needs.train_size * needs.classes * needs.itemsize * (needs.run.steps // settings.every + 2)
    return int(JAX + block + 2 * measured + outputs + needs.theta + 3 * needs.examples * 8 // needs.itemsize)


ANALYSIS = Analysis(
    after="train",
    inputs=("data", "train"),
    files=("losses.csv", "projector.csv"),
    kinds={
        "projected": Kind(
            "losses.csv",
            "Training and test loss when steps are confined to the top space of the Hessian, or to all but it, "
            "beside training as it was. The grey line is where the confinement begins. A curve that stays flat "
            "after it learns nothing more.",
            alike=("loss",),
        ),
        "projector": Kind(
            "projector.csv",
            "One row a renewal of the top space. Which part of the gradient lies in it (chi), and how exact its "
            "eigenvectors are (residual, and bound of the error).",
            drawn=False,
        ),
    },
    settings=Projected,
    method=None,
    jax=True,
    threads="quarter",
    long=True,
    memory=memory,
    operations=operations,
    pace=0.3,
    minutes=120,
    smaller="raise projected.every",
    check=check,
    defaults=lambda size: {
        "kinds": ["dominant", "bulk", "random"],
        "refresh": 1,
        "iterations": 1,
        "every": 5,
        "chi": 0.95,
        "seed": 0,
    },
    asks=("optimizer", "test"),
)
