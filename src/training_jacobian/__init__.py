"""The training Jacobian: how a trained network depends on where its training began (arXiv 2412.07003).

import training_jacobian as tj

    training = tj.train(loss, params, optimizer, batches)
    J = tj.TrainingJacobian(training)
    tj.analyses.spectrum(training)
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from training_jacobian import analyses
    from training_jacobian.drawing import draw
    from training_jacobian.jacobian.decomposed import TrainingJacobian
    from training_jacobian.jacobian.differences import check
    from training_jacobian.jacobian.recorded import Network, Training
    from training_jacobian.jacobian.recording import record, train

_LIE_IN = {  # imported where they are asked for: the command line needs none of them
    "TrainingJacobian": "jacobian.decomposed",
    "Network": "jacobian.recorded",
    "Training": "jacobian.recorded",
    "train": "jacobian.recording",
    "record": "jacobian.recording",
    "check": "jacobian.differences",
    "draw": "drawing",
}
__all__ = ["Network", "Training", "TrainingJacobian", "analyses", "check", "draw", "record", "train"]


def __getattr__(name: str) -> Any:
    if name == "analyses":
        return importlib.import_module(f"{__name__}.analyses")
    if name in _LIE_IN:
        return getattr(importlib.import_module(f"{__name__}.{_LIE_IN[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
