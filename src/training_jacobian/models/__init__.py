"""One module per model: `shapes(...)` in the order of theta, and `apply(...)`. Cheap to import: no jax."""

import importlib
from types import ModuleType


def model(name: str) -> ModuleType:
    """The module of the model `name`, e.g. `mlp`."""
    return importlib.import_module(f"{__name__}.{name}")
