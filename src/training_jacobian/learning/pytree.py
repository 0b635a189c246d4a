"""Parameters as any pytree: named leaves, and what of it is no parameter."""

import math
from typing import Any

import jax
import numpy as np

from training_jacobian.learning.layout import Shapes, unflatten


def named(tree: Any, what: str = "params") -> dict[str, Any]:
    """Leaves of a pytree of arrays by name, in its own order, e.g. `params.Dense_0.kernel`: floating-point numbers.

    Raises TypeError, with the leaf's path, on anything else: text, functions, integers, keys, complex numbers; and
    ValueError where there is nothing, or where two leaves have one name, such as {"a.b": ..., "a": {"b": ...}}.
    """
    found = [(name_of(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]]
    leaves = dict(found)
    if len(leaves) < len(found):
        twice = next(name for name, _ in found if [other for other, _ in found].count(name) > 1)
        raise ValueError(f"{what} has two leaves called {twice!r}; rename one")
    for name, leaf in leaves.items():
        _check(f"{what}.{name}" if name else what, leaf)
    if not sum(math.prod(leaf.shape) for leaf in leaves.values()):
        raise ValueError(f"{what} holds no numbers; give a pytree with at least one array of floating-point numbers")
    return leaves


def name_of(path: Any) -> str:
    """A path in a pytree as a dotted name."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _check(where: str, leaf: Any) -> None:
    dtype = getattr(leaf, "dtype", None)
    if dtype is None or not hasattr(leaf, "shape"):
        raise TypeError(
            f"{where} is {leaf!r:.60} ({type(leaf).__name__}), no array; keep what is not trained out of the "
            "parameters (a function may close over it)"
        )
    if not jax.numpy.issubdtype(dtype, np.floating):
        raise TypeError(
            f"{where} is of dtype {dtype}, and J is of real floating-point numbers; keep it out of the parameters, or "
            "convert it"
        )


def shapes_of(leaves: dict[str, Any]) -> Shapes:
    """Names and shapes of the parts of theta."""
    return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


class Parts(dict[str, tuple[int, ...]]):
    """Names and shapes of the parts of theta, in order, that are leaves of a pytree; it need not hold numbers.

    `facts` are what else the functions of its owner ask for.  Raises as `named`.
    """

    def __init__(self, tree: Any, what: str = "params", **facts: Any) -> None:
        super().__init__(shapes_of(named(tree, what)))
        self.structure, self.facts = jax.tree.structure(tree), facts

    def tree(self, theta: Any) -> Any:
        """The pytree whose leaves are the parts of theta (N,)."""
        return jax.tree.unflatten(self.structure, list(unflatten(theta, self).values()))
