"""The same learning rate at every step."""

from typing import Any, Literal

from training_jacobian.section import Section


class Options(Section):
    """The same learning rate at every step."""

    name: Literal["constant"]


def rate(options: dict[str, Any], learning_rate: float, steps: int) -> Any:
    """The rate of all steps."""
    return learning_rate
