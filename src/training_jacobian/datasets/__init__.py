"""One module per data set: `EXAMPLES`, `INPUTS`, `CLASSES`, and `load()`.  Importing one must stay cheap."""

import importlib
from types import ModuleType


def dataset(name: str) -> ModuleType:
    """The module of the data set `name`, e.g. `digits`."""
    return importlib.import_module(f"{__name__}.{name}")
