"""What the table of runs says of a training."""

from pathlib import Path
from typing import Any

from training_jacobian.artifacts.store import check, opened


def columns(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """N, loss and accuracy at the end."""
    names = ("test_loss", "test_accuracy", "train_loss")
    with opened(check(folder / "train.h5")) as file:
        ends = {name: float(file[f"epochs/{name}"][-1]) for name in names}
        return {"parameters": file["theta"].shape[1], **ends}
