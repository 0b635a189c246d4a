"""Trainings of one's own, in memory: `train` with a loss and an optimizer, `record` with any step."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from training_jacobian.jacobian.accepting import arrays, check_derivative, check_loss, check_step, chosen, stacked
from training_jacobian.jacobian.recorded import Given, Map, Network, Training, divided_step
from training_jacobian.learning import pytree, training
from training_jacobian.learning.training import State


def train(
    loss: Callable[[Any, Any], Any],
    params: Any,
    optimizer: optax.GradientTransformation,
    batches: Any,
    *,
    test: Any = None,
    network: Network | None = None,
) -> Training:
    """Train `params`, any pytree of floating-point arrays, by an optax optimizer on `loss(params, batch) -> scalar`.

    One step for each of `batches`: a pytree whose leaves have a first axis T, or a list or iterator of T batches alike
    in shape.  J is of the parameters; the optimizer starts from its `init`.  Analyses ask for more: `test`, a batch
    held out, of which they tell the loss; `network`, its outputs and inputs.

    Raises TypeError or ValueError, with the path of the leaf, where something does not fit, ArithmeticError where
    training does not stay finite.
    """
    params, batches = arrays(params, "params"), stacked(batches)
    pytree.named(params, "params")
    check_loss(loss, params, jax.tree.map(lambda leaf: leaf[0], batches), "batches[0]")
    if test is not None:
        test = arrays(test, "test")
        check_loss(loss, params, test, "test")
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise TypeError(f"optimizer is {optimizer!r:.60}; give one of optax, such as optax.sgd(0.1, momentum=0.9)")
    whole = optax.with_extra_args_support(optimizer)

    def step(state: State, batch: Any) -> State:
        value_of = lambda params: loss(params, batch)
        value, slope = jax.value_and_grad(value_of)(state.theta)
        told = {"value": value, "grad": slope, "value_fn": value_of}
        updates, memory = whole.update(slope, state.optimizer, state.theta, **told)
        return State(optax.apply_updates(state.theta, updates), memory)

    start = State(params, optimizer.init(params))
    return _record(step, start, batches, lambda state: state.theta, Given(loss, optimizer, test, network))


def record(step: Map, state: Any, batches: Any, wrt: Any = None) -> Training:
    """Train from `state`, any pytree of arrays, by `step(state, batch) -> state`, and record it.

    `batches` as of `train`.  `wrt` is what of the state J is of: None for all its floating-point numbers, a function
    such as `lambda state: state.params`, or a dotted path such as "params.Dense_0".  Dtypes are those of the state,
    and JAX's mode, 32 or 64 bits, is that of now.

    Raises TypeError or ValueError, with the path of the leaf, where the state, the batches or what the step returns do
    not fit; ValueError where two runs of the step disagree; ArithmeticError where training does not stay finite.
    """
    return _record(step, state, stacked(batches), wrt, None)


def _record(step: Map, state: Any, batches: Any, wrt: Any, given: Given | None) -> Training:
    state = arrays(state, "state")
    part, shapes = chosen(state, wrt)
    first = jax.tree.map(lambda leaf: leaf[0], batches)
    check_step(step, state, first)
    start, count = part.divided(state), len(jax.tree.leaves(batches)[0])
    check_derivative(divided_step(step, part), start, first)
    every = training.every((count + 1) * sum(leaf.nbytes for leaf in jax.tree.leaves(start)), count)
    states = training.trajectory(divided_step(step, part), start, batches, every)
    finite = np.isfinite(np.asarray(states.theta)).all(axis=1)
    if not finite.all():
        at = int(np.argmin(finite)) * every
        raise ArithmeticError(f"training is not finite from step {at} of {count} on; lower the learning rate")
    rows = lambda first, last: jax.tree.map(lambda leaf: leaf[first:last], states)
    return Training(step, part, batches, rows, shapes, every, given=given)
