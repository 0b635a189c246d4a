"""A linear operator that keeps its products in a folder: any method that uses it can be killed and goes on."""

import hashlib
from pathlib import Path

import numpy as np
from scipy.sparse.linalg import LinearOperator

from training_jacobian.artifacts.store import whole


def _digest(values: np.ndarray) -> str:
    """Of dtype, shape and bytes."""
    return f"{values.dtype.str} {values.shape} {hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()}"


def _read(path: Path, asked: str) -> np.ndarray | None:
    """The product in a file, if it is whole and answers what was asked."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            product = np.asarray(kept["product"])
            return product if str(kept["asked"]) == f"{asked} {_digest(product)}" else None
    except Exception:  # whatever is wrong with it, it can be computed again
        return None


class Remembered(LinearOperator):  # type: ignore[misc]
    """`operator`, whose i-th product is read from `folder`/<i>.npz if it is there, whole, and was of the same vectors.

    So a deterministic method repeats, without computing, all that it had done before it was killed.
    """

    def __init__(self, operator: LinearOperator, folder: Path) -> None:
        super().__init__(operator.dtype, operator.shape)
        self.operator, self.folder, self.count = operator, folder, 0

    def _product(self, X: np.ndarray, adjoint: bool) -> np.ndarray:
        path = self.folder / f"{self.count}.npz"
        self.count += 1
        asked = f"{self.folder.parent.name}/{self.folder.name} {adjoint} {_digest(X)}"
        if (kept := _read(path, asked)) is not None:
            return kept
        product: np.ndarray = self.operator.rmatmat(X) if adjoint else self.operator.matmat(X)
        with whole(path) as partial, partial.open("wb") as file:
            np.savez(file, asked=np.array(f"{asked} {_digest(product)}"), product=product)
        return product

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        return self._product(X, adjoint=False)

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        return self._product(X, adjoint=True)

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._product(x.reshape(-1, 1), adjoint=False)[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._product(x.reshape(-1, 1), adjoint=True)[:, 0]
