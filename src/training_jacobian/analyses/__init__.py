"""One folder per analysis: `__init__` declares it, `compute` has its numbers, `figures` draws, `columns` tells of it.

An analysis is found by its folder, whose name is its own.  Called, it is computed of a training in memory:
`analyses.spectrum(training, thresholds=[0.1])` gives its files by name, as the workflow would write them.
"""

import importlib
import pkgutil
import sys
from functools import cache
from types import ModuleType
from typing import Any

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


class _Callable(ModuleType):
    """The folder of an analysis, which can be called."""

    def __call__(self, *trainings: Any, **settings: Any) -> dict[str, Any]:
        from training_jacobian.analyses._called import Called

        return Called(discovered()).called(self.__name__.rpartition(".")[2], trainings, settings)


class _Folder(ModuleType):
    """This package: a folder of it is imported where it is asked for, and can be called."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and hasattr(value, "ANALYSIS"):
            value.__class__ = _Callable
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in discovered():  # which imports it
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"there is no analysis {name!r}; there are {', '.join(discovered())}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *discovered()})


sys.modules[__name__].__class__ = _Folder
