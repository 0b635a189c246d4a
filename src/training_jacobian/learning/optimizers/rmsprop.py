"""RMSprop."""

from typing import Annotated, Any, Literal

from pydantic import Field

from training_jacobian.learning.optimizers._rates import Decay, Rate
from training_jacobian.section import Power, Section

VECTORS, DERIVED = 1, 4


class Options(Section):
    name: Literal["rmsprop"]
    learning_rate: Rate
    decay: Decay
    eps: Annotated[float, Power(-1.5)] = Field(gt=0, description="under the root")
    momentum: Decay | None = None


def make(options: dict[str, Any], rate: Any) -> Any:
    """optax.rmsprop; its options are optax's."""
    import optax

    return optax.rmsprop(rate, **options)


def keeps_untouched(options: dict[str, Any]) -> bool:
    """Whether a direction that no gradient touches stays as it is, on either side of J."""
    return False
