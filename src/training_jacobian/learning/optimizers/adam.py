"""Adam."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.learning.optimizers._rates import Decay, Rate
from training_jacobian.section import Section

VECTORS, DERIVED = 2, 5


class Options(Section):
    name: Literal["adam"]
    learning_rate: Rate
    b1: Decay
    b2: Decay
    eps: float = Field(ge=0)
    eps_root: float = Field(gt=0, description="under the root, which has no derivative at zero, where training begins")


def make(options: dict[str, Any], rate: Any) -> Any:
    """optax.adam; its options are optax's."""
    import optax

    return optax.adam(rate, **options)


def keeps_untouched(options: dict[str, Any]) -> bool:
    """Whether a direction that no gradient touches stays as it is, on either side of J."""
    return False
