"""A learning rate that falls to zero like half a cosine."""

from typing import Any, Literal

from training_jacobian.section import Section


class Options(Section):
    """Learning rate times (1 + cos(pi t / T)) / 2 over all T steps."""

    name: Literal["cosine"]


def rate(options: dict[str, Any], learning_rate: float, steps: int) -> Any:
    """A function of the step."""
    import optax

    return optax.cosine_decay_schedule(learning_rate, decay_steps=steps)
