"""Numbers of a training that are others in its dtype are refused, and no more; optax and XLA are the judges."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from conftest import TINY
from training_jacobian.jacobian.tangents import filled, floats
from training_jacobian.learning import initial, training
from training_jacobian.learning.training import State, Step
from training_jacobian.workflow.params import RandomInitial, Training

DTYPES = ["float32", "float64"]
OPTIMIZERS = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1},
    "adam": {"learning_rate": 0.1, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8},
    "adamw": {"learning_rate": 0.1, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8, "weight_decay": 0.1},
    "rmsprop": {"learning_rate": 0.1, "decay": 0.9, "eps": 1e-8, "momentum": 0.9},
    "lion": {"learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "weight_decay": 0.1},
}
NUMBERS = [(name, option) for name, options in OPTIMIZERS.items() for option in options]
DECAYS = ("momentum", "b1", "b2", "decay")


def tiny(dtype):
    """The least normal number."""
    return float(np.finfo(dtype).tiny)


def refusal(dtype, name="sgd", clip_norm=None, **changes):
    """What is said about a training; nothing where it is accepted."""
    optimizer = {"name": name, **OPTIMIZERS[name], **changes}
    rest = {"schedule": {"name": "constant"}, "epochs": 1, "batch_size": 1, "dtype": dtype, "clip_norm": clip_norm}
    try:
        Training.model_validate({"optimizer": optimizer, **rest})
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return ""


def as_computed(value, dtype):
    """What XLA makes of a number."""
    with np.errstate(over="ignore"):
        return float(jnp.asarray(value, dtype) * 1)


def derivatives_are_finite(dtype, name, gradient, **changes):
    """Of a first step at such a gradient, forward and backward, by the gradient and by the optimizer's memory."""
    options = {"name": name, **OPTIMIZERS[name], **changes}
    theta, slope = jnp.full(2, 0.5, dtype), jnp.full(2, gradient, dtype)
    optimizer = training.optimizer(options, {"name": "constant"}, 10)
    state, step = State(theta, optimizer.init(theta)), Step(lambda theta, batch: slope, optimizer)
    update = lambda slope, some: floats(step.update(slope, filled(some, state)))
    after, linear = jax.linearize(update, slope, floats(state))
    ones = lambda tree: jax.tree.map(jnp.ones_like, tree)
    back = jax.linear_transpose(linear, slope, floats(state))(ones(after))
    made = (after, linear(ones(slope), ones(floats(state))), back)
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(made))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "option"), NUMBERS)
def test_what_is_0_in_the_dtype_is_refused_and_no_more(name, option, dtype):
    least = max(tiny(dtype), float(np.finfo(dtype).max) ** (-2 / 3) if (name, option) == ("rmsprop", "eps") else 0)
    told = refusal(dtype, name, **{option: 0.99 * tiny(dtype)})
    assert re.match(rf"optimizer\.{option} = \S+ is 0 in {dtype}; choose at least \S+", told)
    assert as_computed(0.99 * tiny(dtype), dtype) == 0 != as_computed(tiny(dtype), dtype)
    assert not refusal(dtype, name, **{option: 1.001 * least})
    assert refusal(dtype, name, **{option: 0.999 * least})
    advised = float(re.search(r"at least ([^ ,]+)", told)[1])
    assert least <= advised < 1.2 * least
    assert not refusal(dtype, name, **{option: advised})
    assert ("or 0" in told) == (not refusal(dtype, name, **{option: 0.0}))


@pytest.mark.parametrize(("name", "option"), [each for each in NUMBERS if each[1] not in DECAYS])
def test_what_is_infinite_in_float32_is_refused(name, option):
    told = refusal("float32", name, **{option: 3.5e38})
    assert re.match(rf"optimizer\.{option} = 3\.5e\+38 is infinite in float32; choose at most 3\.2e\+38", told)
    assert np.isinf(as_computed(3.5e38, "float32"))
    assert np.isfinite(as_computed(3.4e38, "float32"))
    assert not refusal("float32", name, **{option: 3.4e38})
    assert not refusal("float64", name, **{option: 3.5e38})


@pytest.mark.parametrize(("name", "option"), [each for each in NUMBERS if each[1] in DECAYS])
def test_a_decay_that_is_1_in_float32_is_refused(name, option):
    below, half = 1 - 2.0**-24, 1 - 2.0**-25  # the neighbour of 1, and between
    told = refusal("float32", name, **{option: half})
    assert re.match(rf"optimizer\.{option} = 0\.99999997\d* is 1 in float32; choose at most 0\.9999999\d*$", told)
    assert as_computed(half, "float32") == 1 > as_computed(below, "float32")
    assert not refusal("float32", name, **{option: below})
    assert not refusal("float32", name, **{option: float(told.rsplit(" ", 1)[1])})
    assert not refusal("float64", name, **{option: half})


def test_a_rate_that_rounds_to_1_is_right():
    assert not refusal("float32", learning_rate=1 - 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("eps", [0.0, 1e-8])
def test_adam_has_derivatives_from_there_on(name, eps, dtype):
    for gradient in (0.0, 1e-12, 1.0, 1e6):
        assert derivatives_are_finite(dtype, name, gradient, eps=eps, eps_root=tiny(dtype))
    assert not derivatives_are_finite(dtype, name, 0.0, eps=eps, eps_root=0.99 * tiny(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rmsprop_has_derivatives_from_there_on(dtype):
    """Its derivative has eps to the power -3/2, which is infinite long before eps is 0."""
    least = float(np.finfo(dtype).max) ** (-2 / 3)
    for gradient in (0.0, 1e-12, 1.0, 1e6):
        assert derivatives_are_finite(dtype, "rmsprop", gradient, eps=1.001 * least)
    assert not derivatives_are_finite(dtype, "rmsprop", 0.0, eps=0.999 * least)
    told = refusal(dtype, "rmsprop", eps=0.999 * least)
    assert re.match(rf"optimizer\.eps = \S+ is too small to compute with in {dtype}; choose at least \S+$", told)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("dtype", DTYPES)
def test_all_derivatives_are_finite_at_the_least_of_all_numbers(name, dtype):
    """Together, as the messages advise them; at most the largest decays."""
    least = {}
    for option in OPTIMIZERS[name]:
        told = refusal(dtype, name, **{option: 0.5 * tiny(dtype)})
        least[option] = float(re.search(r"at least ([^ ,]+)", told)[1])
    below = float(np.nextafter(np.dtype(dtype).type(1), np.dtype(dtype).type(0)))
    for decay in (least["learning_rate"], below):
        decays = {option: decay for option in least if option in DECAYS}
        assert not refusal(dtype, name, **least | decays)
        assert derivatives_are_finite(dtype, name, 0.0, **least | decays)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_norm_to_clip_at_can_be_squared(dtype):
    least = tiny(dtype) ** 0.5

    def clipped(norm):
        """Norm, in units of `norm`, of a gradient that is 5 % longer."""
        optimizer = training.clip(norm)
        gradient = jnp.full(1, 1.05 * norm, dtype)
        return float(optimizer.update(gradient, optimizer.init(gradient))[0][0]) / norm

    assert clipped(1.001 * least) == pytest.approx(1, rel=1e-6)
    assert clipped(0.9 * least) == pytest.approx(1.05, rel=1e-6)  # its square is 0
    assert not refusal(dtype, clip_norm=1.001 * least)
    told = refusal(dtype, clip_norm=0.9 * least)
    assert re.match(rf"clip_norm = \S+ is too small to compute with in {dtype}; choose at least \S+$", told)
    assert "clip_norm = 1e-310 is 0 in" in refusal(dtype, clip_norm=1e-310)


def test_biases_are_drawn_in_float32():
    def told(bias_std):
        try:
            RandomInitial(name="random", seed=0, bias_std=bias_std)
        except ValidationError as error:
            return error.errors()[0]["msg"]
        return ""

    draw = lambda bias_std: initial.draw({"b": (100_000,)}, 0, bias_std)
    assert told(1e-39) == "bias_std = 1e-39 is 0 in float32; choose at least 1.2e-38, or 0"
    assert not draw(1e-39).any()
    assert draw(1.2e-38).any()
    assert not told(1.2e-38)
    assert told(6.5e37) == "bias_std = 6.5e+37 makes biases that are infinite in float32; choose at most 6e+37"
    assert not told(6e37)
    largest = float(-jnp.sqrt(jnp.float32(2)) * jax.lax.erf_inv(jnp.nextafter(jnp.float32(-1), jnp.float32(0))))
    assert largest * 6e37 < float(np.finfo("float32").max) < largest * 6.5e37
    assert np.isfinite(draw(6e37)).all()


def test_a_run_inherits_the_numbers_and_not_the_dtype(tmp_path):
    """As in params.yaml: right in float64 by default, wrong in the run in float32."""
    from training_jacobian.workflow import loading

    file = tmp_path / "p.yaml"
    file.write_text(TINY.replace("momentum: 0.9", "momentum: 1e-50"))
    with pytest.raises(loading.ParamsError) as refused:
        loading.load(file)
    assert str(refused.value) == (
        f"{file}: runs.c.training: optimizer.momentum = 1e-50 is 0 in float32; choose at least 1.2e-38, or 0"
    )
    tree = yaml.safe_load(TINY)
    del tree["runs"]["c"]
    file.write_text(yaml.safe_dump(tree).replace("momentum: 0.9", "momentum: 1e-50"))
    assert loading.load(file).defaults.training.optimizer.momentum == 1e-50
