"""One module per model: `shapes(...)` in the order of theta, and `apply(...)`.  Cheap to import: no jax.

And `feeds`, the fixed linear maps between its layers and what these are if not dense, with which layered_gradient.py
writes its tangents out, at most `TOGETHER` examples at a time; `feeds = None` where its gradient is to be jax.grad's.
"""

import importlib
from types import ModuleType


def model(name: str) -> ModuleType:
    """The module of the model `name`, e.g. `mlp`."""
    return importlib.import_module(f"{__name__}.{name}")
