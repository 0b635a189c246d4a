"""Optimizers and schedules in params.yaml.  Their names and parameters are those of optax."""

from typing import Annotated, Literal

from pydantic import Field

from training_jacobian.section import Power, Section

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class Sgd(Section):
    name: Literal["sgd"]
    learning_rate: Rate
    momentum: Decay = Field(description="0 is plain SGD")
    nesterov: bool = False
    weight_decay: float = Field(default=0, ge=0, description="adds this times theta to the gradient")


class Adam(Section):
    name: Literal["adam"]
    learning_rate: Rate
    b1: Decay
    b2: Decay
    eps: float = Field(ge=0)
    eps_root: float = Field(gt=0, description="under the root, which has no derivative at zero, where training begins")


class AdamW(Adam):
    name: Literal["adamw"]  # type: ignore[assignment]
    weight_decay: float = Field(ge=0, description="theta shrinks by the learning rate times this")


class Rmsprop(Section):
    name: Literal["rmsprop"]
    learning_rate: Rate
    decay: Decay
    eps: Annotated[float, Power(-1.5)] = Field(gt=0, description="under the root")
    momentum: Decay | None = None


class Lion(Section):
    name: Literal["lion"]
    learning_rate: Rate
    b1: Decay
    b2: Decay
    weight_decay: float = Field(ge=0, description="theta shrinks by the learning rate times this")


Optimizer = Annotated[Sgd | Adam | AdamW | Rmsprop | Lion, Field(discriminator="name")]


class Constant(Section):
    name: Literal["constant"]


class Cosine(Section):
    """Learning rate times (1 + cos(pi t / T)) / 2 over all T steps."""

    name: Literal["cosine"]


Schedule = Annotated[Constant | Cosine, Field(discriminator="name")]
