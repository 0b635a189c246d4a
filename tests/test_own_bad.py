"""What a session is given and cannot be used: refused before work starts, with the leaf, the cause and the remedy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj

STEPS = 3
X, Y = np.random.default_rng(0).standard_normal((STEPS, 4, 2)), np.zeros((STEPS, 4))
PARAMS = {"layer": {"w": np.ones((2, 3)), "b": np.zeros(3)}}
SGD = optax.sgd(0.1)


def loss(params, batch):
    return ((batch[0] @ params["layer"]["w"] + params["layer"]["b"]).sum(-1) - batch[1]).mean() ** 2


def with_leaf(leaf):
    return {"layer": PARAMS["layer"] | {"extra": leaf}}


@jax.custom_vjp
def backward_only(x):
    return x


backward_only.defvjp(lambda x: (x, None), lambda _, g: (g,))

GOOD = {"loss": loss, "params": PARAMS, "optimizer": SGD, "batches": (X, Y)}
TRAIN = {
    "text": ({"params": with_leaf("relu")}, r"params.layer.extra is 'relu' \(str\), no array; keep it out"),
    "function": ({"params": with_leaf(jnp.tanh)}, r"params.layer.extra is .*, no array; keep it out.*Equinox"),
    "objects": ({"params": with_leaf(np.array([None]))}, r"params.layer.extra is .*, no array"),
    "integers": ({"params": with_leaf(np.arange(3))}, r"params.layer.extra is of dtype int64, and J is of real"),
    "booleans": ({"params": with_leaf(np.ones(2, bool))}, r"params.layer.extra is of dtype bool"),
    "complex": ({"params": with_leaf(np.ones(2, complex))}, r"params.layer.extra is of dtype complex128"),
    "a key": ({"params": with_leaf(jax.random.key(0))}, r"params.layer.extra is of dtype key<fry>"),
    "nothing": ({"params": {}}, "params holds no numbers; give a pytree with at least one array"),
    "only empty arrays": ({"params": {"w": np.zeros((0, 3))}}, "params holds no numbers"),
    "loss of each example": (
        {"loss": lambda p, b: b[0] @ p["layer"]["w"]},
        r"loss\(params, batches\[0\]\) is float64",
    ),
    "loss with more": ({"loss": lambda p, b: (loss(p, b), 1)}, r"is a tuple; return one floating-point number"),
    "integer loss": ({"loss": lambda p, b: jnp.array(1)}, r"is int64 of shape \(\); return one floating-point"),
    "a loop": (
        {"loss": lambda p, b: jax.lax.while_loop(lambda x: x < 1, lambda x: 2 * x, loss(p, b))},
        "Reverse-mode differentiation does not work for lax.while_loop",
    ),
    "no optimizer": ({"optimizer": 0.1}, r"optimizer is 0.1; give one of optax, such as optax.sgd"),
    "no batches": ({"batches": []}, "there are no batches; give at least one"),
    "an empty iterator": ({"batches": iter(())}, "there are no batches"),
    "batches of no rows": ({"batches": (X[:0], Y[:0])}, r"batches have first axes \{'0': \(0,\), '1': \(0,\)\}"),
    "a number": ({"batches": (X, 1.0)}, r"batches have first axes .*'1': \(\)"),
    "different lengths": ({"batches": (X, Y[:2])}, r"first axes of different lengths, \{'0': \(3,\), '1': \(2,\)\}"),
    "a smaller last batch": (
        {"batches": [(X[0], Y[0]), (X[1, :2], Y[1, :2])]},
        r"batches\[1\].0 is float64 \(2, 2\), and in batches\[0\] float64 \(4, 2\); .*drop the last, or pad",
    ),
    "batches of two kinds": ({"batches": [(X[0], Y[0]), X[1]]}, r"batches\[1\] is \*, .* not the same structure"),
    "text in a batch": ({"batches": [(X[0], "label")]}, r"batches\[0\].1 is 'label' \(str\), no array"),
    "no test of that kind": ({"test": (X[0], "no")}, r"test.1 is 'no' \(str\), no array"),
    "a rate too high": ({"optimizer": optax.sgd(1e200)}, r"training is not finite from step [1-3] of 3 on; lower"),
}


def test_the_control():
    assert tj.train(**GOOD).steps == STEPS
    assert tj.record(lambda s, b: s * 0.5, np.ones(2), X).steps == STEPS


@pytest.mark.parametrize("case", TRAIN)
def test_train_refuses(case):
    changed, told = TRAIN[case]
    with pytest.raises((TypeError, ValueError, ArithmeticError), match=told):
        tj.train(**GOOD | changed)


def impure(state, batch):
    return state * float(np.random.rand())  # noqa: NPY002 (the mistake that is looked for)


COUNTER = itertools.count()
STATE = {"w": np.ones((2, 2)), "memory": np.zeros(2), "count": 0}
RECORD = {
    "random numbers of its own": (impure, np.ones(2), None, "two runs of step disagree in the state: it draws random"),
    "it counts": (lambda s, b: {**s, "count": s["count"] * 0 + next(COUNTER)}, STATE, None, "disagree in count"),
    "another structure": (lambda s, b: s["w"], STATE, None, r"what step returns is \*, and state is \{'count'"),
    "another shape": (
        lambda s, b: {**s, "w": s["w"][0]},
        STATE,
        None,
        r"returns.w is float64 \(2,\), and in",
    ),
    "another dtype": (
        lambda s, b: {**s, "w": s["w"].astype("f4")},
        STATE,
        None,
        r"returns.w is float32 .* return",
    ),
    "no derivative": (lambda s, b: backward_only(s), np.ones(2), None, "step has no derivative .*of custom_vjp make"),
    "an unknown path": (
        lambda s, b: s,
        STATE,
        "wieghts",
        "wrt = 'wieghts' is no path of the state; its leaves",
    ),
    "half a name": (lambda s, b: s, STATE, "mem", "wrt = 'mem' is no path"),
    "an integer leaf": (lambda s, b: s, STATE, "count", "wrt is of dtype int64, and J is of real"),
    "a new value": (lambda s, b: s, STATE, lambda s: s["w"] + 1, "wrt gives other things than leaves"),
    "a leaf twice": (lambda s, b: s, STATE, lambda s: [s["w"], s["w"]], "or one twice"),
    "a number": (lambda s, b: s, STATE, 3, "wrt is 3; give a function of the state, a dotted path, or None"),
    "no floats": (lambda s, b: s, {"n": np.arange(3)}, None, "state holds no numbers"),
    "text in the state": (lambda s, b: s, {"w": np.ones(2), "name": "net"}, None, "state.name is 'net'"),
}


@pytest.mark.parametrize("case", RECORD)
def test_record_refuses(case):
    step, state, wrt, told = RECORD[case]
    with pytest.raises((TypeError, ValueError), match=told):
        tj.record(step, state, X, wrt=wrt)


def test_analyses_say_what_they_miss():
    bare, recorded = tj.train(**GOOD), tj.record(lambda s, b: s * 0.5, np.ones(2), X)
    with pytest.raises(ValueError, match=r"behaviour of this training needs its outputs; give `train\(..., network="):
        tj.analyses.behaviour(bare)
    with pytest.raises(ValueError, match=r"subspace of this training needs a batch held out; give `train\(..., test="):
        tj.analyses.subspace(bare)
    with pytest.raises(ValueError, match="subspace of this training needs its loss and its optimizer; make it with"):
        tj.analyses.subspace(recorded)
    with pytest.raises(TypeError, match="spectrum has no setting 'treshold'; did you mean 'thresholds'"):
        tj.analyses.spectrum(bare, treshold=0.1)
    with pytest.raises(ValueError, match=r"spectrum: bulk_tolerance = 2: Input should be less than 1"):
        tj.analyses.spectrum(bare, bulk_tolerance=2)
    with pytest.raises(ValueError, match=r"subspace.dimensions.stop = 99 is above 9"):
        dimensions = {"start": 1, "stop": 99, "num": 2}
        tj.analyses.subspace(tj.train(**GOOD, test=(X[0], Y[0])), dimensions=dimensions)
    with pytest.raises(TypeError, match="angles is of two trainings, and 1 were given"):
        tj.analyses.angles(bare)
    with pytest.raises(TypeError, match="spectrum is of one training, and 2 were given"):
        tj.analyses.spectrum(bare, bare)
    with pytest.raises(TypeError, match="spectrum: dict is no training; give what `train` or `record` returns"):
        tj.analyses.spectrum({})
    with pytest.raises(AttributeError, match="there is no analysis 'spektrum'; there are agreement, "):
        _ = tj.analyses.spektrum
    with pytest.raises(ValueError, match="no kind of figure 'brid'; did you mean 'bird'"):
        tj.draw("brid", bare, "a.png")
    with pytest.raises(ValueError, match=r"a.jpg: no format '.jpg'; end the name in .pdf or .png"):
        tj.draw("bird", bare, "a.jpg")
    with pytest.raises(ValueError, match="no style 'widht'; did you mean 'width'"):
        tj.draw("bird", bare, "a.png", style={"widht": 3})
    with pytest.raises(ValueError, match="directions = 0; give at least 1"):
        tj.check(bare, directions=0)
