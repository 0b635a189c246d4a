"""How many directions training leaves nearly as they are."""

from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral import quadrature


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`counts.csv`: number of singular values of J - I, of N, below each threshold.

    And `bulk.h5`: V (N, probes), a direction of each probe that training changes little, and |J v - v| (probes,).
    The right singular vectors of J - I are deflated if they were asked for, else those of J, which say less of J - I.
    """
    own = "J_minus_identity" in run.parameters["svd"]["operators"]
    name = "J_minus_identity" if own else "J"
    parts = run.read("triplets", [f"{name}/{part}" for part in ("Vt", "S", "bound")])
    deflated, S, bound = parts.values()
    J = run.jacobian()
    size = J.shape[0]
    kept = run.remembered(J - aslinearoperator(scipy.sparse.eye_array(size)), "products")
    progress = Progress("density", settings["steps"], "Lanczos steps")
    probes, steps, seed = settings["probes"], settings["steps"], settings["seed"]
    found = quadrature.quadrature(kept, deflated.T, probes, steps, seed, progress.advance)
    if not own:  # Weyl; and S, of a projection of J, is but for rounding at most that of J (interlacing)
        S, bound = S - np.minimum(bound, quadrature.SINGLE * S) - 1, np.full(len(S), np.inf)
    table = quadrature.counts(found, settings["thresholds"], S, bound)
    return {
        "bulk.h5": {"V": found.vectors, "changed_by": found.nodes[:, 0]},
        "counts.csv": table.assign(parameters=size, deflated=len(deflated)),
    }
