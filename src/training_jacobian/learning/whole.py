"""The loss on a whole set of examples, its gradient, and products with its Hessian, in pieces, in a chosen precision.

A mean over a set is a weighted mean of means over pieces of it, and so are its derivatives: what is held at a time is
what one piece needs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator

from training_jacobian.learning.components import chosen
from training_jacobian.learning.precision import in_64_bits
from training_jacobian.learning.problem import WHAT, gradient

PIECE = 1000  # examples: what is computed of more does not fit into a core's caches
HELD = 2**24  # numbers out of the hidden layers of a piece, at most: a product takes several times as much memory


@dataclass(frozen=True)
class Whole:
    """Of theta (N,) and a piece of the set: the mean loss, and its gradient (N,).

    `stacks` are pieces of the same size, pytrees with a first axis P; `weights` (P,) those of the pieces in each.
    All is computed in `dtype`, and given back in float64.
    """

    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], Any]
    stacks: tuple[Any, ...]
    weights: tuple[np.ndarray, ...]
    dtype: str = "float64"

    def _mean(self, of_piece: Callable[[Any], Any], stacks: Any) -> Any:
        """Weighted sum of `of_piece` over all pieces."""
        total: Any = None
        for stack, weights in zip(stacks, self.weights, strict=True):
            first = jax.tree.map(lambda leaf: leaf[0], stack)
            zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(of_piece, first))

            def add(sum_: Any, each: Any) -> tuple[Any, None]:
                weight, piece = each
                return jax.tree.map(lambda a, b: a + weight * b, sum_, of_piece(piece)), None

            total = jax.lax.scan(add, zero if total is None else total, (jnp.asarray(weights, self.dtype), stack))[0]
        return total

    @cached_property
    def _loss_and_gradient(self) -> Any:
        def of_piece(theta: Any, piece: Any) -> Any:
            return self.value(theta, piece), self.gradient(theta, piece)

        return jax.jit(lambda theta, stacks: self._mean(lambda piece: of_piece(theta, piece), stacks))

    @cached_property
    def _products(self) -> Any:
        def of_piece(theta: Any, V: Any, piece: Any) -> Any:
            along = jax.linearize(lambda theta: self.gradient(theta, piece), theta)[1]
            return jax.vmap(along)(V)

        return jax.jit(lambda theta, V, stacks: self._mean(lambda piece: of_piece(theta, V, piece), stacks))

    @in_64_bits
    def loss_and_gradient(self, theta: Any) -> tuple[float, np.ndarray]:
        """The loss at theta (N,), and its gradient (N,)."""
        loss, gradient = self._loss_and_gradient(jnp.asarray(theta, self.dtype), self.stacks)
        return float(loss), np.asarray(gradient, np.float64)

    @in_64_bits
    def products(self, theta: Any, V: Any) -> np.ndarray:
        """H v at theta (N,) for each row v of V (K, N)."""
        made = self._products(jnp.asarray(theta, self.dtype), jnp.asarray(V, self.dtype), self.stacks)
        return np.asarray(made, np.float64)

    def hessian(self, theta: Any) -> LinearOperator:
        """H (N, N) at theta (N,) as an operator."""
        at = np.asarray(theta, np.float64)
        return LinearOperator(
            (len(at), len(at)),
            matvec=lambda v: self.products(at, v.reshape(1, -1))[0],
            matmat=lambda V: self.products(at, V.T).T,
            rmatvec=lambda v: self.products(at, v.reshape(1, -1))[0],
            rmatmat=lambda V: self.products(at, V.T).T,
            dtype=np.float64,
        )


def of(problem: Any, part: str, dtype: str = "float64") -> Whole | None:
    """The loss on all examples of `train` or `test` of a problem; None where a training in memory has no test batch.

    What a loss from a file makes of the examples is not cut in pieces: it may be no mean.
    """
    if hasattr(problem, "whole"):  # a training in memory: it has batches and no examples
        own: Whole | None = problem.whole(part, dtype)
        return own
    examples = in_dtype(tuple(problem.examples[f"{what}_{part}"] for what in WHAT), dtype)
    stacks, weights = in_pieces(examples, _piece(problem) if hasattr(problem.loss, "slope") else len(examples[0]))
    of_examples = gradient(problem.shapes, problem.parameters["model"], problem.loss)
    value = lambda theta, piece: problem.loss.value(problem.outputs(theta, piece[0]), piece[1])
    return Whole(value, lambda theta, piece: of_examples(theta, *piece), stacks, weights, dtype)


def _piece(problem: Any) -> int:
    """Examples of a piece: fewer than 1000 of a network whose hidden layers are large, as those of images are."""
    work = getattr(chosen("models", problem.parameters["model"]), "work", None)
    hidden = sum(work(problem.shapes)[1]) if work else 0
    return max(1, min(PIECE, HELD // max(1, hidden)))


def of_training_set(problem: Any, dtype: str = "float64") -> Whole:
    """The loss on all training examples."""
    made = of(problem, "train", dtype)
    assert made is not None
    return made


def classes(problem: Any) -> int:
    """Outputs of the network.  Raises ValueError where a training in memory was given none."""
    if hasattr(problem, "classes"):
        return int(problem.classes)
    return int(chosen("datasets", problem.parameters["data"]).CLASSES)


@in_64_bits
def in_pieces(examples: tuple[Any, ...], size: int) -> tuple[tuple[Any, ...], tuple[np.ndarray, ...]]:
    """Arrays of n examples in pieces of `size`, and the rest of them in another: `stacks` and `weights`."""
    count = len(examples[0])
    whole = count // size
    stacks, weights = [], []
    if whole:
        stacks.append(tuple(each[: whole * size].reshape(whole, size, *each.shape[1:]) for each in examples))
        weights.append(np.full(whole, size / count))
    if count % size:
        stacks.append(tuple(each[whole * size :][None] for each in examples))
        weights.append(np.full(1, count % size / count))
    return tuple(stacks), tuple(weights)


def distinct(batches: Any) -> tuple[Any, np.ndarray]:
    """Of batches stacked, those that differ, and what part of all each is."""
    leaves = [_numbers(leaf) for leaf in jax.tree.leaves(batches)]
    seen = [b"".join(leaf[i].tobytes() for leaf in leaves) for i in range(len(leaves[0]))]
    numbers = {each: i for i, each in reversed(list(enumerate(seen)))}
    first = np.sort(list(numbers.values()))
    counts = Counter(seen)
    weights = np.array([counts[seen[i]] for i in first]) / len(seen)
    return jax.tree.map(lambda leaf: leaf[first], batches), weights


def _numbers(leaf: Any) -> np.ndarray:
    """An array, or that of a key."""
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


@in_64_bits
def in_dtype(tree: Any, dtype: str) -> Any:
    """Its floating-point arrays in that dtype."""

    def wide(leaf: Any) -> Any:
        array = jnp.asarray(leaf)
        return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return jax.tree.map(wide, tree)
