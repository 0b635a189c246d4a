"""An optimizer of the user's: a file that defines `make(learning_rate, ...)`, an optax.GradientTransformation.

It gets the learning rate, or with a schedule a function of the step, as optax's own do.  With `KEEPS_UNTOUCHED = True`
a direction that no gradient touches stays as it is, on either side of J, as with SGD: then there is an exact bulk.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from training_jacobian.learning.given import Expected, FromFile, Given
from training_jacobian.learning.optimizers._rates import Rate

EXPECTED = Expected(
    functions={"make": ("learning_rate",)},
    example="an optimizer defines make(learning_rate, ...), which gives an optax.GradientTransformation",
)


class Options(FromFile):
    """The keys are arguments of `make`."""

    expected: ClassVar[Expected] = EXPECTED
    learning_rate: Rate


class Optimizer(Given):
    """What of an optimizer others need, made of a file."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options, EXPECTED, own=("learning_rate",))

    def make(self, options: Mapping[str, Any], rate: Any) -> Any:
        """An optax transformation."""
        return self.call("make", rate)

    def keeps_untouched(self, options: Mapping[str, Any]) -> bool:
        """Whether a direction that no gradient touches stays as it is, on either side of J: as the file says."""
        return bool(getattr(self.module, "KEEPS_UNTOUCHED", False))


of = Optimizer.of
