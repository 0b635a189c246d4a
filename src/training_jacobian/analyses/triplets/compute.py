"""The largest singular triplets from products with J."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

from training_jacobian.progress import Progress
from training_jacobian.run import Run
from training_jacobian.spectral import partial_svd


def compute(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """`triplets.h5`: of each operator U (N, r), S (r,), Vt (r, N), bound (r,), those that have converged.

    And `triplets.csv`, one row for each that was asked for, empty where it has not converged.
    """
    rank, most = settings["rank"], settings["products"]
    J = run.jacobian()
    operators = {"J": J, "J_minus_identity": J - aslinearoperator(scipy.sparse.eye_array(J.shape[0]))}
    datasets: dict[str, np.ndarray] = {}
    tables = []
    for name in settings["operators"]:
        kept = run.remembered(operators[name], f"products-{name}")
        progress = Progress(f"triplets of {name}", min(most, J.shape[0]), "products at most")
        arguments = (rank, settings["tolerance"], settings["block"], most, settings["seed"], progress.advance)
        found = partial_svd.largest(kept, *arguments)
        good = found["converged"]
        whole = {
            "U": found["U"][:, good],
            "Vt": found["Vt"][good],
            "S": found["S"][good],
            "bound": found["bound"][good],
        }
        datasets |= {f"{name}/{part}": values for part, values in whole.items()}
        columns = {"sigma": found["S"], "bound": found["bound"]}
        columns |= {"left_residual": found["residual"][:, 0], "right_residual": found["residual"][:, 1]}
        table = pd.DataFrame({"operator": name, "index": np.arange(1, rank + 1), **columns})
        table.loc[~good, list(columns)] = np.nan
        tables.append(table.assign(converged=good, products=int(found["products"])))
    return {"triplets.csv": pd.concat(tables), "triplets.h5": datasets}
