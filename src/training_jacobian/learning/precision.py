"""JAX's mode, 32 or 64 bits: ours inside our own computations, the session's everywhere else."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


def x64_now() -> bool:
    """Whether JAX computes in 64 bits here and now."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def in_64_bits(function: F) -> F:
    """The same function, inside of which JAX has 64 bits: every dtype here is explicit."""

    @wraps(function)
    def inside(*arguments: Any, **options: Any) -> Any:
        with jax.enable_x64(True):
            return function(*arguments, **options)

    return inside  # type: ignore[return-value]
