"""What users hand over, checked before work starts: states, batches, steps, and what of a state J is of."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training_jacobian.jacobian.recorded import Map, Part
from training_jacobian.jacobian.tangents import filled, floats
from training_jacobian.learning import pytree
from training_jacobian.learning.layout import Shapes
from training_jacobian.learning.training import State


def arrays(tree: Any, what: str) -> Any:
    """The same pytree of JAX arrays.  Raises TypeError, with its path, on a leaf that is none."""

    def one(path: Any, leaf: Any) -> jax.Array:
        try:
            return jnp.asarray(leaf)
        except (TypeError, ValueError):
            raise TypeError(
                f"{what}.{pytree.name_of(path)} is {leaf!r:.60} ({type(leaf).__name__}), no array; keep it out of the "
                f"{what}: the step may close over it (of Equinox: eqx.partition(model, eqx.is_inexact_array))"
            ) from None

    return jax.tree_util.tree_map_with_path(one, tree)


def stacked(batches: Any) -> Any:
    """Batches as a pytree with first axis T.  Raises ValueError where there are none, or some differ in shape."""
    if isinstance(batches, list | Iterator):
        several = [arrays(each, f"batches[{i}]") for i, each in enumerate(batches)]
        if not several:
            raise ValueError("there are no batches; give at least one")
        for i, each in enumerate(several):
            _alike(
                several[0], each, f"batches[{i}]", "batches[0]", "give batches of one shape: drop the last, or pad it"
            )
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    made = arrays(batches, "batches")
    lengths = {pytree.name_of(path): leaf.shape[:1] for path, leaf in jax.tree_util.tree_flatten_with_path(made)[0]}
    if not lengths or () in lengths.values() or (0,) in lengths.values():
        raise ValueError(
            f"batches have first axes {lengths}; give arrays with one row, or a list with one item, a step"
        )
    if len(set(lengths.values())) > 1:
        raise ValueError(f"batches have first axes of different lengths, {lengths}; each needs T, the number of steps")
    return made


def chosen(state: Any, wrt: Any) -> tuple[Part, Shapes]:
    """What of a state J is of, and the names and shapes of its parts."""
    leaves, structure = jax.tree.flatten(state)
    numbered = jax.tree.unflatten(structure, range(len(leaves)))
    if wrt is None:
        names = [pytree.name_of(path) for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
        subtree = {name: i for i, name in enumerate(names) if jnp.issubdtype(leaves[i].dtype, jnp.inexact)}
    elif isinstance(wrt, str):
        subtree = _found(numbered, wrt)
    elif callable(wrt):
        subtree = wrt(numbered)
    else:
        raise TypeError(f"wrt is {wrt!r:.60}; give a function of the state, a dotted path, or None")
    numbers, tree = jax.tree.flatten(subtree)
    if not all(type(i) is int and 0 <= i < len(leaves) for i in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(
            "wrt gives other things than leaves of the state, or one twice; give a leaf or a subtree of it"
        )
    named = pytree.named(jax.tree.unflatten(tree, [leaves[i] for i in numbers]), "wrt" if wrt else "state")
    avals = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in named.values())  # type: ignore[no-untyped-call]
    return Part(structure, tuple(numbers), tree, avals), pytree.shapes_of(named)


def _found(tree: Any, path: str) -> Any:
    """The leaves of a pytree under a dotted path, by the rest of their names."""
    names = {pytree.name_of(each): leaf for each, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}
    found = {name.removeprefix(path).lstrip("."): i for name, i in names.items() if f"{name}.".startswith(f"{path}.")}
    if not found:
        raise ValueError(f"wrt = {path!r} is no path of the state; its leaves are {', '.join(names)}")
    return found.get("", found)


def check_step(step: Map, state: Any, batch: Any) -> None:
    """Raise if a step does not map the state to one of the same kind, or two runs of it disagree."""
    first, second = step(state, batch), step(state, batch)
    _alike(state, first, "what step returns", "state", "return a state of the same structure, shapes and dtypes")
    for (path, one), other in zip(jax.tree_util.tree_flatten_with_path(first)[0], jax.tree.leaves(second), strict=True):
        if not np.array_equal(_numbers(one), _numbers(other), equal_nan=True):
            raise ValueError(
                f"two runs of step disagree in {pytree.name_of(path) or 'the state'}: it draws random numbers or keeps "
                "something; make a key part of the batch"
            )


def check_derivative(step: Callable[[State, Any], State], start: State, batch: Any) -> None:
    """Raise TypeError if a step on divided states has no derivative, or none with a transpose."""

    def both(state: State, batch: Any) -> Any:
        tangent = jax.linearize(lambda some: floats(step(filled(some, state), batch)), floats(state))[1]
        return tangent(floats(state)), jax.linear_transpose(tangent, floats(state))(floats(state))

    try:
        jax.jit(both).lower(start, batch)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise TypeError(
            f"step has no derivative that JAX can push forward and pull back ({type(error).__name__}: {reason:.200}); "
            "of custom_vjp make custom_jvp, of while_loop make scan, and call no callbacks"
        ) from error


def check_loss(loss: Callable[[Any, Any], Any], params: Any, batch: Any, what: str) -> None:
    """Raise if a loss is no scalar of these parameters and this batch."""
    made = jax.eval_shape(loss, params, batch)
    if not hasattr(made, "shape") or made.shape != () or not jnp.issubdtype(made.dtype, np.floating):
        told = f"{made.dtype} of shape {made.shape}" if hasattr(made, "shape") else f"a {type(made).__name__}"
        raise TypeError(f"loss(params, {what}) is {told}; return one floating-point number, such as a mean")


def _numbers(leaf: Any) -> np.ndarray:
    leaf = jnp.asarray(leaf)
    made = np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)
    return made.astype(np.float64) if made.dtype.kind == "f" or made.dtype.kind == "V" else made


def _alike(model: Any, other: Any, what: str, of: str, remedy: str) -> None:
    """Raise ValueError if a pytree differs from another in structure, shapes or dtypes."""
    if str(jax.tree.structure(model)) != str(jax.tree.structure(other)):
        raise ValueError(f"{what} is {_short(other)}, and {of} is {_short(model)}: not the same structure; {remedy}")
    for (path, one), leaf in zip(jax.tree_util.tree_flatten_with_path(model)[0], jax.tree.leaves(other), strict=True):
        shape, dtype = jnp.shape(leaf), jnp.result_type(leaf)
        if shape != one.shape or dtype != one.dtype:
            name = pytree.name_of(path)
            raise ValueError(
                f"{what}{'.' if name else ''}{name} is {dtype} {shape}, and in {of} {one.dtype} {one.shape}; {remedy}"
            )


def _short(tree: Any) -> str:
    text = str(jax.tree.structure(tree)).removeprefix("PyTreeDef(").removesuffix(")")
    return text if len(text) < 120 else f"{text[:117]}..."
