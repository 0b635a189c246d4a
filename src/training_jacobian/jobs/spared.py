"""What a job need not import: a figure is drawn a quarter sooner."""

import importlib
import sys

SPARED = ("scipy.stats", "scipy.cluster")  # for densities and trees, which no figure here has


def seaborn() -> None:
    """Import it without what it uses only where it is there.  For jobs alone: in this process it stays without."""
    absent = [name for name in SPARED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: as if it were not installed
    try:
        importlib.import_module("seaborn")
    finally:
        for name in absent:
            del sys.modules[name]
