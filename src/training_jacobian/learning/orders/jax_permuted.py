"""Examples permuted anew in each epoch by JAX's generator, as in the authors' training of LeNet-5."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from training_jacobian.section import Section


class Options(Section):
    """Examples permuted anew in each epoch by JAX's generator; the number of the epoch is its seed."""

    name: Literal["jax_permuted"]
    drop_last: bool = Field(default=False, description="leave out what fills no batch; it is refused otherwise")


def batches(options: dict[str, Any], examples: int, batch_size: int, epochs: int) -> np.ndarray:
    """Indices (T, batch_size) int32 of the examples of each step.

    Epoch e is `jax.random.permutation(jax.random.key(e), examples)` of the legacy generator, which was JAX's own until
    0.5: threefry that cannot be computed in parts.
    """
    import jax  # here, because the workflow asks for the keys of an order before every start

    whole = examples // batch_size * batch_size
    with jax.threefry_partitionable(False):
        keys = [jax.random.key(epoch, impl="threefry2x32") for epoch in range(epochs)]
        drawn = [np.asarray(jax.random.permutation(key, examples))[:whole] for key in keys]
    return np.concatenate(drawn).astype(np.int32).reshape(-1, batch_size)
