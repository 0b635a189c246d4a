"""The largest singular triplets of the paper run's J on one core: ours against scipy's PROPACK and ARPACK.

After `make figures`: the dense singular values are the truth.
"""

from training_jacobian.jobs.threads import hold

hold(1, xla=True)

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.sparse.linalg import LinearOperator, svds  # noqa: E402

from common import seconds, write  # noqa: E402
from training_jacobian.jacobian.operator import TrainingJacobian  # noqa: E402
from training_jacobian.session import trajectory  # noqa: E402
from training_jacobian.spectral import partial_svd  # noqa: E402


class Counted(LinearOperator):
    """Counts products with vectors."""

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.dtype, operator.shape)
        self.operator, self.count = operator, 0

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        self.count += X.shape[1]
        return self.operator.matmat(X)

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        self.count += X.shape[1]
        return self.operator.rmatmat(X)

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rank", type=int, default=100)
    rank = options.parse_args().rank
    with h5py.File(Path("results/runs/paper/svd/svd.h5")) as file:
        exact = file["S"][:rank]
    whole = trajectory("paper")
    rows = []
    for method in (*(f"block {b}" for b in (1, 8, 16, 32)), "propack", "arpack"):
        J = Counted(TrainingJacobian(whole))
        J.matmat(np.ones((len(whole.start.theta), 1)))  # compiles, and linearises
        J.count, found = 0, {}

        def run(method: str = method, J: Counted = J, found: dict[str, np.ndarray] = found) -> None:
            if method.startswith("block"):
                found["S"] = partial_svd.largest(J, rank, 1e-9, int(method.split()[1]), 2000)["S"]
            else:
                found["S"] = np.sort(svds(J, k=rank, solver=method, tol=1e-9)[1])[::-1]

        taken = seconds(run)
        error = float(np.abs(found["S"] / exact - 1).max())
        row = {"method": method, "seconds": taken, "products": J.count, "seconds a product": taken / J.count}
        rows.append({**row, "largest relative error": error})
        print(rows[-1], flush=True)
    write(pd.DataFrame(rows), "partial_svd")


if __name__ == "__main__":
    main()
