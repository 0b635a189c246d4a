"""A loss of the user's: a file that defines `value(outputs, labels, ...)`, the mean over the examples.

It may define what other losses have: `UNIT`, `PROBABILITIES` (outputs are log-probabilities but for what is the same in
all classes), `gauge(classes)`, `guess(classes)`, `said(outputs)`, `divergence(before, after)`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from training_jacobian.learning.given import Expected, FromFile, Given

EXPECTED = Expected(
    functions={"value": ("outputs", "labels")},
    optional={"gauge": ("classes",), "guess": ("classes",), "said": ("outputs",), "divergence": ("before", "after")},
    example="a loss defines value(outputs, labels, ...), its mean over the examples",
)


class Options(FromFile):
    """The keys are arguments of `value`."""

    expected: ClassVar[Expected] = EXPECTED


class Loss(Given):
    """What of a loss others need, made of a file."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options, EXPECTED)
        self.UNIT = str(getattr(self.module, "UNIT", ""))
        self.PROBABILITIES = bool(getattr(self.module, "PROBABILITIES", False))
        own = "divergence" if "divergence" in self.functions else "squared"
        self.DIVERGENCE = str(getattr(self.module, "DIVERGENCE", own))

    def value(self, outputs: Any, labels: Any) -> Any:
        """Mean over the examples; outputs (n, classes), labels as they are in the data."""
        return self.call("value", outputs, labels)

    def gauge(self, classes: int) -> np.ndarray:
        """Directions of an output (classes, g) that change no loss; none are known where the file says nothing."""
        return np.asarray(self.call("gauge", classes)) if "gauge" in self.functions else np.zeros((classes, 0))

    def guess(self, classes: int) -> float | None:
        """Loss of a network that knows nothing; None where the file says nothing."""
        return float(self.call("guess", classes)) if "guess" in self.functions else None

    def said(self, outputs: Any) -> Any:
        """What networks are compared by: outputs, where the file says nothing."""
        return self.call("said", outputs) if "said" in self.functions else outputs

    def divergence(self, before: Any, after: Any) -> Any:
        """Of what two networks have `said`, (n,): the mean squared difference, where the file says nothing."""
        if "divergence" in self.functions:
            return self.call("divergence", before, after)
        return ((after - before) ** 2).mean(tuple(range(1, before.ndim)))


of = Loss.of
