"""The training Jacobian as a linear operator: products with J and J^T, without forming J."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator

from training_jacobian.jacobian.steps import Steps
from training_jacobian.jacobian.tangents import pull, push
from training_jacobian.learning.training import State

CHUNK = 32  # at most so many tangents travel together; what pays is compared by benchmarks/products.py
CACHE = 320 * 2**10  # bytes of their theta, so that with what a step makes of them they stay in a core's cache
MEMORY = 192 * 2**20  # bytes for linearised steps: all of the paper's run


def numbers(X: Any) -> np.ndarray:
    """Vectors as an array of numbers.  Raises TypeError on anything else, such as text and objects."""
    made = np.asarray(X)
    if made.dtype.kind not in "biufc":
        raise TypeError(f"vectors of dtype {made.dtype} cannot be multiplied; give real or complex numbers")
    return made


class TrainingJacobian(LinearOperator):  # type: ignore[misc]
    """J = d theta_end / d theta_start of a trajectory, (N, N), in its dtype; J V and J^T U along the stored states.

    Vectors of any real dtype are cast to that of J.  Of complex ones, real and imaginary part are multiplied: J is
    real and linear.  It can be pickled where the trajectory can: one of `session.trajectory`, for joblib.

    The optimizer's memory at `start` is held fixed.  With `extended` the operator is that of the whole state (theta,
    then the floats of the optimizer's memory, each flat), so that J(0->T) = J(t->T) J(0->t).

    Steps are linearised in segments that fit into `memory` bytes: once for all if there is one, else once for each
    chunk of `chunk` vectors.  `str()` tells how many.  By default a chunk is 32 vectors, and with one segment fewer, 4
    at least, where the cache asks for it.  Raises ValueError if not 0 <= start <= end <= T.
    """

    def __init__(
        self,
        trajectory: Steps,
        start: int = 0,
        end: int | None = None,
        extended: bool = False,
        chunk: int | None = None,
        memory: int = MEMORY,
    ) -> None:
        end = trajectory.steps if end is None else end
        if not 0 <= start <= end <= trajectory.steps:
            raise ValueError(f"steps {start}..{end} are not in 0..{trajectory.steps}")
        self.trajectory, self.start, self.end = trajectory, start, end
        self.extended, self._asked = extended, (chunk, memory)
        with self._precision():
            self._prepare(extended, chunk, memory)

    def _prepare(self, extended: bool, chunk: int | None, memory: int) -> None:
        trajectory, start, end = self.trajectory, self.start, self.end
        first = trajectory.start.theta
        size, embed = trajectory.embedding(extended)
        super().__init__(first.dtype, (size, size))
        # embed only moves numbers and adds zeros: its transpose takes them out again
        extract = jax.linear_transpose(embed, jnp.zeros(size, first.dtype))
        self._embed, self._extract = jax.jit(jax.vmap(embed)), jax.jit(jax.vmap(lambda state: extract(state)[0]))
        self._kept: tuple[int, Any] = (-1, None)
        steps, most = max(1, end - start), max(1, memory // trajectory.linearized_bytes)
        self._window = -(-steps // -(-steps // most))  # as few segments as fit, of equal length
        fitting = max(4, min(CHUNK, CACHE // first.nbytes))
        self.chunk = chunk or (2 ** (fitting.bit_length() - 1) if steps <= most else CHUNK)

    def _precision(self) -> AbstractContextManager[Any]:
        """JAX's mode, 64 or 32 bits, in which the training was made, whatever the session has now."""
        return jax.enable_x64(self.trajectory.x64)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.trajectory, self.start, self.end, self.extended, *self._asked)

    @property
    def segments(self) -> list[tuple[int, int]]:
        """First and last step, plus one, of each segment."""
        return [(t, min(t + self._window, self.end)) for t in range(self.start, self.end, self._window)]

    def __str__(self) -> str:
        every = "" if self.trajectory.every == 1 else f", from states kept at every {self.trajectory.every}th step"
        count = len(self.segments)
        segments = f"{count} segment{'' if count == 1 else 's'} of {self._window}"
        size = " x ".join(map(str, self.shape))
        return f"training Jacobian {size}, {self.dtype}, steps {self.start}..{self.end} in {segments}{every}"

    def _along(self, way: Callable[..., State], vectors: State, first: int, last: int) -> State:
        """Vectors pushed or pulled along steps first..last-1, which lie in one segment."""
        window = min(first - (first - self.start) % self._window, self.end - self._window)  # so compiled once
        if self._kept[0] != window:
            jax.block_until_ready(vectors)  # type: ignore[no-untyped-call]  # else steps still in use pile up
            self._kept = (-1, None)  # frees its memory first
            self._kept = (window, self.trajectory.linearized(window, window + self._window))
        return way(self._kept[1], vectors, first - window, last - window)

    def _forward(self, vectors: jax.Array, at: Collection[int]) -> dict[int, jax.Array]:
        """J(start->t) of vectors (K, n), by t, for each t of `at`."""
        tangents, now, found = self._embed(vectors), self.start, {}
        for stop in sorted({*at, *(last for _, last in self.segments)}):
            if stop > now:
                tangents, now = self._along(push, tangents, now, stop), stop
            if stop in at:
                found[stop] = self._extract(tangents)
        return found

    def _backward(self, vectors: jax.Array) -> jax.Array:
        """J^T of vectors (K, n)."""
        cotangents = self._embed(vectors)
        for first, last in reversed(self.segments):
            cotangents = self._along(pull, cotangents, first, last)
        return self._extract(cotangents)

    def _in_chunks(self, product: Callable[[jax.Array], Any], X: np.ndarray) -> Any:
        """`product` of the columns of X (n, K), some at a time and equally many, joined along the first axis."""
        X, count = numbers(X), X.shape[1]
        if np.iscomplexobj(X):
            both = self._in_chunks(product, np.concatenate([X.real, X.imag], axis=1))
            return jax.tree.map(lambda each: each[:count] + 1j * each[count:], both)
        width = -(-count // max(1, -(-count // self.chunk)))
        vectors = np.zeros((-(-count // max(1, width)) * width, len(X)), self.dtype)
        vectors[:count] = X.T
        with self._precision():
            parts = [
                jax.tree.map(np.asarray, product(jnp.asarray(vectors[i : i + width]))) for i in range(0, count, width)
            ]
        return jax.tree.map(lambda *each: np.concatenate(each)[:count], *parts)

    def _none(self, X: np.ndarray) -> np.ndarray:
        """The product with no vectors, X (n, 0)."""
        return np.empty(X.shape, np.result_type(self.dtype, 1j) if np.iscomplexobj(X) else self.dtype)

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        if not X.shape[1]:
            return self._none(numbers(X))
        made: np.ndarray = self._in_chunks(lambda vectors: self._forward(vectors, [self.end])[self.end], X).T
        return made

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        if not X.shape[1]:
            return self._none(numbers(X))
        made: np.ndarray = self._in_chunks(self._backward, X).T
        return made

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(np.reshape(x, (-1, 1)))[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._rmatmat(np.reshape(x, (-1, 1)))[:, 0]

    def snapshots(self, V: np.ndarray, at: Collection[int]) -> dict[int, np.ndarray]:
        """J(start->t) V (n, K) by t, for each step t of `at`, in one sweep; V (n,) gives (n,).

        Raises ValueError if not start <= t <= end, or if V is of another size.
        """
        V = numbers(V)
        if V.ndim not in (1, 2) or len(V) != self.shape[1]:
            raise ValueError(f"V has shape {V.shape}; give ({self.shape[1]}, K), K vectors as columns")
        for t in at:
            if not self.start <= t <= self.end:
                raise ValueError(f"step {t} is not in {self.start}..{self.end}")
        if not V.size:
            return {t: self._none(V) for t in at}
        made = self._in_chunks(lambda vectors: self._forward(vectors, at), V.reshape(len(V), -1))
        return {t: each.T.reshape(V.shape) for t, each in made.items()}

    def pieces(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Columns first..last-1 of J, as rows (k, n), at most `chunk` at a time.

        Chunks start at multiples of `chunk` from `first`, so that blocks cut there have the same bits as the whole.
        Raises ValueError if the columns are not in 0..n.
        """
        size = self.shape[1]
        if not 0 <= first <= last <= size:
            raise ValueError(f"columns {first}..{last} are not in 0..{size}")
        for start in range(first, last, self.chunk):
            units = np.eye(self.chunk, size, start, self.dtype)  # beyond the last: computed and dropped
            with self._precision():
                made = np.asarray(self._forward(jnp.asarray(units), [self.end])[self.end])
            yield made[: last - start]

    def columns(self, first: int, last: int) -> np.ndarray:
        """Columns first..last-1 of J, (n, last - first)."""
        return np.concatenate([np.empty((0, self.shape[0]), self.dtype), *self.pieces(first, last)]).T
