"""Stochastic gradient descent, with momentum or without."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.learning.optimizers._rates import Decay, Rate
from training_jacobian.section import Section

VECTORS, DERIVED = 1, 0


class Options(Section):
    name: Literal["sgd"]
    learning_rate: Rate
    momentum: Decay = Field(description="0 is plain SGD")
    nesterov: bool = False
    weight_decay: float = Field(default=0, ge=0, description="adds this times theta to the gradient")


def make(options: dict[str, Any], rate: Any) -> Any:
    """optax.sgd, after optax.add_decayed_weights if there is `weight_decay`."""
    import optax

    rest = dict(options)
    decay = rest.pop("weight_decay", 0)
    made = optax.sgd(rate, **rest)
    return optax.chain(optax.add_decayed_weights(decay), made) if decay else made


def keeps_untouched(options: dict[str, Any]) -> bool:
    """Whether a direction that no gradient touches stays as it is, on either side of J."""
    return not options.get("weight_decay", 0)
