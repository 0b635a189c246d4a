"""What a network computes for an example, from its program: by that, what its jobs need is estimated."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

PRODUCTS = ("dot_general", "conv_general_dilated")


class Product(NamedTuple):
    """One product of a network, by matrix or convolution, for one example."""

    into: int  # numbers that depend on the example
    out: int
    multiplications: int


def products(function: Callable[..., Any], theta: Any, inputs: Any) -> list[Product]:
    """Products of `function(theta, inputs)`, in order, from shapes and dtypes alone; of a loop, for each turn."""
    closed = jax.make_jaxpr(function)(theta, inputs)
    found: list[Product] = []
    _walk(closed.jaxpr, [False, True], found, 1)
    return found


def _walk(program: Any, depend: list[bool], found: list[Product], times: int) -> list[bool]:
    """Which results of a program depend on the example, its arguments doing so or not; its products into `found`."""
    known = {id(variable): yes for variable, yes in zip(program.invars, depend, strict=True)}
    for each in program.eqns:
        inside = [known.get(id(variable), False) for variable in each.invars]
        outside = [any(inside)] * len(each.outvars)
        for inner in _inner(each):
            count = len(inner.invars)  # of a branch: all but the first, which chooses it
            turns = times * int(each.params.get("length", 1)) if each.primitive.name == "scan" else times
            made = _walk(
                inner, inside[len(inside) - count :] if count <= len(inside) else [any(inside)] * count, found, turns
            )
            outside = made if len(made) == len(outside) else outside
        if each.primitive.name in PRODUCTS and any(inside):
            sizes = [math.prod(variable.aval.shape) for variable in each.invars]
            into = sum(size for size, yes in zip(sizes, inside, strict=True) if yes)
            out = math.prod(each.outvars[0].aval.shape)
            found.extend([Product(into, out, out * _summed(each))] * times)
        known |= {id(variable): yes for variable, yes in zip(each.outvars, outside, strict=True)}
    return [known.get(id(variable), False) for variable in program.outvars]


def _inner(each: Any) -> list[Any]:
    """Programs inside of an operation, such as those of a call, a loop or a branch."""
    values = [one for value in each.params.values() for one in (value if isinstance(value, tuple | list) else [value])]
    return [getattr(value, "jaxpr", value) for value in values if hasattr(getattr(value, "jaxpr", value), "eqns")]


def _summed(each: Any) -> int:
    """Multiplications for each number that a product gives."""
    left, right = (variable.aval.shape for variable in each.invars[:2])
    if each.primitive.name == "dot_general":
        return math.prod(left[axis] for axis in each.params["dimension_numbers"][0][0])
    return math.prod(right) // right[each.params["dimension_numbers"].rhs_spec[0]]
