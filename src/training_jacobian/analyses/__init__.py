"""One folder per analysis: `__init__` declares it, `compute` has its numbers, `figures` draws, `columns` tells of it.

An analysis is found by its folder, whose name is its own.
"""

import importlib
import pkgutil
from functools import cache

from training_jacobian.declaration import Analysis


@cache
def discovered() -> dict[str, Analysis]:
    """All analyses by name: what each comes after stands before it, and those of all runs before others."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.ispkg)
    found: dict[str, Analysis] = {name: importlib.import_module(f"{__name__}.{name}").ANALYSIS for name in names}
    order = sorted(found, key=lambda name: (not found[name].always, name))

    def depth(name: str) -> int:
        return 1 + depth(found[name].after) if name in found else 0

    return {name: found[name] for name in sorted(order, key=depth)}
