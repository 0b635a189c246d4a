"""Components are found by name: learning/<kind>/<name>.py, one file each, with `Options`, its keys in params.yaml.

One of them, `file`, is the user's own: what its section chooses is made of a file beside params.yaml.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Annotated, Any, Union

from pydantic import Field

from training_jacobian import learning

KINDS = ("datasets", "models", "losses", "optimizers", "schedules", "orders")


@cache
def names(kind: str) -> list[str]:
    """Names of the components of a kind, sorted.  A file whose name begins with `_` is none."""
    folders = [f"{folder}/{kind}" for folder in learning.__path__]
    return sorted(each.name for each in pkgutil.iter_modules(folders) if not each.name.startswith("_"))


def component(kind: str, name: str) -> ModuleType:
    """The module of a component, e.g. `component("models", "mlp")`."""
    return importlib.import_module(f"{learning.__name__}.{kind}.{name}")


def chosen(kind: str, options: Mapping[str, Any]) -> Any:
    """What a section chooses, by its `options`: the module of that name, or what that makes of a user's file.

    Raises CodeError where such a file cannot be used.
    """
    module = component(kind, options["name"])
    return module.of(options) if hasattr(module, "of") else module


def options(kind: str) -> Any:
    """The type of a section that chooses one of the components of a kind by its `name`."""
    models = [component(kind, name).Options for name in names(kind)]
    if len(models) == 1:
        return models[0]
    return Annotated[Union[tuple(models)], Field(discriminator="name")]  # noqa: UP007 (made of a list)
