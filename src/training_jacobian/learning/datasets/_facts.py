"""What others need to know of a data set whose size or kind its own section tells."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What a section chooses, in place of the constants of a module."""

    TRAIN: int
    EXAMPLES: int
    SHAPE: tuple[int, ...]  # of an example
    CLASSES: int  # or numbers in a target
    REAL: bool  # targets, not classes
    TARGET: tuple[int, ...]  # shape of a target

    RAW = ()

    @property
    def INPUTS(self) -> int:  # noqa: N802 (as modules say it)
        """Numbers in an example."""
        return math.prod(self.SHAPE)
