"""Examples permuted anew in each epoch."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from training_jacobian.section import Section, Seed


class Options(Section):
    """Examples permuted anew in each epoch."""

    name: Literal["shuffled"]
    seed: Seed
    drop_last: bool = Field(default=False, description="leave out what fills no batch; it is refused otherwise")


def batches(options: dict[str, Any], examples: int, batch_size: int, epochs: int) -> np.ndarray:
    """Indices (T, batch_size) int32 of the examples of each step; epoch e is permuted from [seed, e]."""
    whole = examples // batch_size * batch_size
    drawn = [np.random.default_rng([options["seed"], epoch]).permutation(examples)[:whole] for epoch in range(epochs)]
    return np.concatenate(drawn).astype(np.int32).reshape(-1, batch_size)
