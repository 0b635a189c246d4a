"""Adam with decoupled weight decay."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.learning.optimizers._rates import Decay, Rate
from training_jacobian.section import Section

VECTORS, DERIVED = 2, 5


class Options(Section):
    name: Literal["adamw"]
    learning_rate: Rate
    b1: Decay
    b2: Decay
    eps: float = Field(ge=0)
    eps_root: float = Field(gt=0, description="under the root, which has no derivative at zero, where training begins")
    weight_decay: float = Field(ge=0, description="theta shrinks by the learning rate times this")


def make(options: dict[str, Any], rate: Any) -> Any:
    """optax.adamw; its options are optax's."""
    import optax

    return optax.adamw(rate, **options)


def keeps_untouched(options: dict[str, Any]) -> bool:
    """Whether a direction that no gradient touches stays as it is, on either side of J."""
    return False
