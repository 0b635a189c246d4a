"""Where a training ends, without its trajectory: to be batched by jax.vmap over starts, masks or anything else."""

from collections.abc import Callable
from typing import Any

import jax

from training_jacobian.learning.training import State


def endpoint(step: Callable[[State, Any], State], start: State, batches: Any) -> State:
    """The state after all `batches`, a pytree with first axis T."""
    return jax.lax.scan(lambda state, batch: (step(state, batch), None), start, batches)[0]
