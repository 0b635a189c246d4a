"""When the exact bulk is exact.  Cheap to import."""

from typing import Any


def keeps_exact_bulk(optimizer: dict[str, Any]) -> bool:
    """Whether directions that no gradient touches stay as they are, on either side of J: SGD without weight decay."""
    return optimizer["name"] == "sgd" and not optimizer.get("weight_decay", 0)
