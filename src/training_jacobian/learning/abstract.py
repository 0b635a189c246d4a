"""What a run's components make of each other, on shapes and dtypes alone: nothing is computed."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from training_jacobian.learning import components, training
from training_jacobian.learning.given import Given, place
from training_jacobian.learning.precision import in_64_bits
from training_jacobian.learning.problem import gradient, outputs


class MisfitError(ValueError):
    """What is wrong with a component of a run: the section, and what is expected."""

    def __init__(self, section: str, message: str) -> None:
        super().__init__(message)
        self.section = section


def array(shape: tuple[int, ...], dtype: Any) -> Any:
    """Something of that shape and dtype, without numbers."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def _told(component: Any, error: Exception, name: str) -> str:
    """What went wrong in a function of a component."""
    if isinstance(component, Given):
        return component.told(error, name if name in component.functions else next(iter(component.functions)))
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


def _at(component: Any, name: str) -> str:
    function = component.functions[name] if isinstance(component, Given) else None
    return f"{place(function)}: {name}" if function else name


def _array(made: Any) -> bool:
    return hasattr(made, "shape") and hasattr(made, "dtype")


def _as(made: Any) -> str:
    """What a function made, for people."""
    return f"{made.dtype} of shape {made.shape}" if _array(made) else f"{type(made).__name__}"


@in_64_bits
def check(parameters: dict[str, Any], facts: Any, network: Any, loss: Any, shapes: Any) -> None:
    """Raise MisfitError if outputs, loss, its derivatives or the optimizer are not what a training needs.

    `parameters` of the run by section, `facts` of its data, its model, its loss, the `shapes` of the parts of theta.
    """
    dtype = np.dtype(parameters["training"]["dtype"])
    size = sum(int(np.prod(shape)) for shape in shapes.values())
    theta, function = array((size,), dtype), outputs(shapes, parameters["model"])
    shape = getattr(facts, "SHAPE", (facts.INPUTS,))
    real = getattr(facts, "REAL", False)
    target = getattr(facts, "TARGET", ())

    def examples(count: int) -> tuple[Any, Any]:
        labels = array((count, *target), dtype) if real else array((count,), np.int64)
        return array((count, *shape), dtype), labels

    batch = int(parameters["training"]["batch_size"])
    for count in (1, batch):
        _outputs(function, theta, examples(count)[0], (count, facts.CLASSES), network)
    _loss(loss, array((batch, facts.CLASSES), dtype), examples(batch)[1], facts.CLASSES)
    made = gradient(shapes, parameters["model"], loss)

    def product(along: Any, at: Any, inputs: Any, labels: Any) -> Any:
        return jax.jvp(lambda theta: made(theta, inputs, labels), (at,), (along,))[1]

    try:
        several = jax.vmap(product, in_axes=(0, None, None, None))
        jax.eval_shape(several, array((2, size), dtype), theta, *examples(batch))
    except Exception as error:
        section = "loss" if isinstance(loss, Given) and not isinstance(network, Given) else "model"
        component = loss if section == "loss" else network
        told = _told(component, error, "value" if section == "loss" else "apply")
        needed = "J needs the derivative of the gradient, forward through backward"
        raise MisfitError(section, f"{told}; {needed}") from error
    _optimizer(parameters, theta)


def _outputs(function: Any, theta: Any, inputs: Any, wanted: tuple[int, int], network: Any) -> None:
    try:
        made = jax.eval_shape(function, theta, inputs)
    except Exception as error:
        given = f"with inputs {inputs.dtype} of shape {inputs.shape}"
        raise MisfitError("model", f"{_told(network, error, 'apply')}; {given}") from error
    if not _array(made) or made.shape != wanted or made.dtype != theta.dtype:
        raise MisfitError(
            "model",
            f"{_at(network, 'apply')} gives {_as(made)} for inputs {inputs.dtype} of shape {inputs.shape}; "
            f"give outputs {theta.dtype} of shape {wanted}, (examples, classes)",
        )


def _loss(loss: Any, outputs: Any, labels: Any, classes: int) -> None:
    def shape_of(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return jax.eval_shape(function, *arguments)
        except Exception as error:
            given = f"with labels {labels.dtype} of shape {labels.shape}"
            raise MisfitError("loss", f"{_told(loss, error, name)}; {given}") from error

    made = shape_of("value", loss.value, outputs, labels)
    if not _array(made) or made.shape != () or made.dtype != outputs.dtype:
        raise MisfitError(
            "loss",
            f"{_at(loss, 'value')} gives {_as(made)} for outputs {outputs.dtype} of shape {outputs.shape} and labels "
            f"{labels.dtype} of shape {labels.shape}; give one number of {outputs.dtype}, the mean over the examples",
        )
    if not hasattr(loss, "functions"):
        return
    said = shape_of("said", loss.said, outputs)
    if not _array(said) or said.shape[:1] != outputs.shape[:1]:
        raise MisfitError("loss", f"{_at(loss, 'said')} gives {_as(said)}; give one row an example")
    far = shape_of("divergence", loss.divergence, said, said)
    if not _array(far) or far.shape != outputs.shape[:1]:
        raise MisfitError(
            "loss", f"{_at(loss, 'divergence')} gives {_as(far)}; give shape {outputs.shape[:1]}, (examples,)"
        )
    _known(loss, classes)


def _known(loss: Given, classes: int) -> None:
    """What a loss says of itself."""
    for name in [each for each in ("gauge", "guess") if each in loss.functions]:
        try:
            made = np.asarray(loss.call(name, classes), np.float64)
        except Exception as error:
            raise MisfitError("loss", loss.told(error, name)) from error
        wanted = made.ndim == 2 and len(made) == classes if name == "gauge" else made.ndim == 0
        if not wanted or not np.isfinite(made).all():
            right = f"(classes, g), {classes} rows" if name == "gauge" else "one finite number"
            raise MisfitError("loss", f"{_at(loss, name)} gives numbers of shape {made.shape}; give {right}")


def _optimizer(parameters: dict[str, Any], theta: Any) -> None:
    chosen = parameters["training"]["optimizer"]
    if chosen["name"] != "file":
        return
    section, component = "training.optimizer", components.chosen("optimizers", chosen)
    where = _at(component, "make")
    try:
        rate = training.learning_rate(chosen["learning_rate"], parameters["training"]["schedule"], 1)
        made = component.make({}, rate)
    except Exception as error:
        raise MisfitError(section, component.told(error, "make")) from error
    if not isinstance(made, optax.GradientTransformation):
        raise MisfitError(section, f"{where} gives {_as(made)}; give an optax.GradientTransformation")
    try:
        state = jax.eval_shape(made.init, theta)
        updates, after = jax.eval_shape(made.update, theta, state, theta)
        optax.tree.map_params(made, lambda leaf: leaf, state)
    except Exception as error:
        told = component.told(error, "make")
        raise MisfitError(
            section, f"{told}; init and update get theta as one vector, and must go through jax.tree.map as optax's do"
        ) from error
    if not _array(updates) or (updates.shape, updates.dtype) != (theta.shape, theta.dtype):
        raise MisfitError(
            section, f"{where}: its update gives {_as(updates)}; give {_as(theta)}, an update for each parameter"
        )
    if _described(state) != _described(after):
        raise MisfitError(section, f"{where}: its update changes the shapes or dtypes of its state; keep them")


def _described(tree: Any) -> list[tuple[str, Any, str]]:
    """Paths, shapes and dtypes of the leaves of a pytree."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path), leaf.shape, str(leaf.dtype)) for path, leaf in leaves]
