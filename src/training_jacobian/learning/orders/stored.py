"""Examples in their own order, never reshuffled."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from training_jacobian.section import Section


class Options(Section):
    """Examples in their own order, the same in each epoch."""

    name: Literal["stored"]
    drop_last: bool = Field(default=False, description="leave out what fills no batch; it is refused otherwise")


def batches(options: dict[str, Any], examples: int, batch_size: int, epochs: int) -> np.ndarray:
    """Indices (T, batch_size) int32 of the examples of each step."""
    whole = examples // batch_size * batch_size
    return np.tile(np.arange(whole, dtype=np.int32).reshape(-1, batch_size), (epochs, 1))
