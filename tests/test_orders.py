"""In which order a training sees its examples, and its Jacobian along such an order."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from conftest import TINY
from tiny import Tiny
from training_jacobian.learning import training
from training_jacobian.learning.components import component, names
from training_jacobian.learning.endpoint import endpoint
from training_jacobian.learning.orders import shuffled, stored
from training_jacobian.workflow import loading
from training_jacobian.workflow.loading import ParamsError

OPTIONS = {"stored": {}, "shuffled": {"seed": 0}, "jax_permuted": {}}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(("examples", "size"), [(12, 4), (12, 12), (5, 1), (14, 4), (7, 5)])
def test_each_epoch_sees_each_example_once(name, examples, size):
    """But for those that are left over, fewer than a batch: which, is drawn anew in each epoch that is shuffled."""
    made = component("orders", name).batches(OPTIONS[name], examples, size, 60)
    steps = examples // size
    assert (made.shape, made.dtype) == ((60 * steps, size), np.int32)
    epochs = made.reshape(60, -1)
    seen = [set(epoch.tolist()) for epoch in epochs]
    assert all(len(each) == steps * size and each <= set(range(examples)) for each in seen)
    left_out = {frozenset(range(examples)) - each for each in seen}
    if name == "stored":
        assert (epochs == np.arange(steps * size)).all()
        assert len(left_out) == 1
    elif examples % size:
        assert set().union(*left_out) == set(range(examples))  # none is left out always
    else:
        assert left_out == {frozenset()}


def test_shuffled_epochs_differ_and_the_seed_matters():
    made = shuffled.batches({"seed": 3}, 12, 4, 5)
    np.testing.assert_array_equal(made, shuffled.batches({"seed": 3}, 12, 4, 5))
    np.testing.assert_array_equal(made[:6], shuffled.batches({"seed": 3}, 12, 4, 2))  # more epochs: the same first ones
    assert len({tuple(epoch) for epoch in made.reshape(5, 12)}) == 5
    assert not np.array_equal(made, shuffled.batches({"seed": 4}, 12, 4, 5))
    assert not np.array_equal(made, stored.batches({}, 12, 4, 5))


@pytest.fixture
def load(tmp_path):
    """Params with other sizes and orders of batches."""

    def loaded(order="", batch=64):
        file = tmp_path / "p.yaml"
        training = "training:\n    optimizer"
        text = TINY.replace("batch_size: 64", f"batch_size: {batch}")
        file.write_text(text.replace(training, f"{order}\n  {training}") if order else text)
        return loading.load(file)

    return loaded


@pytest.mark.parametrize("order", ["name: stored", "name: shuffled, seed: 1", "name: jax_permuted"])
def test_a_batch_that_does_not_divide_is_refused_unless_the_rest_is_left_out(load, order):
    told = (
        "defaults: training.batch_size = 60 does not divide the 1600 training examples; change one, or leave out what "
        "is left over: order.drop_last = true"
    )
    for asked in (f"order: {{{order}}}", f"order: {{{order}, drop_last: false}}", ""):
        with pytest.raises(ParamsError, match=told.replace(".", r"\.")):
            load(asked, batch=60)
        assert load(asked).runs["a"].steps == 25
    run = load(f"order: {{{order}, drop_last: true}}", batch=60).runs["a"]
    batches = run.facts("order").batches(run.order.model_dump(), run.data.train_size, 60, run.training.epochs)
    assert run.steps == len(batches) == 26
    with pytest.raises(ParamsError, match=r"training\.batch_size = 1601 is above the 1600 training examples; lower it"):
        load(f"order: {{{order}, drop_last: true}}", batch=1601)


def test_all_orders_are_tested():
    assert set(names("orders")) == set(OPTIONS)


def test_the_jacobian_along_shuffled_batches():
    """Against jax.jacfwd of the whole training."""
    optimizer, found = optax.sgd(0.3, momentum=0.9), {}
    state = lambda theta: training.State(theta, optimizer.init(theta))
    for name, options in OPTIONS.items():
        tiny = Tiny(examples=14)
        tiny.batches = jnp.asarray(component("orders", name).batches(options, 14, 4, 3))
        assert len(tiny.batches) == 9
        step = training.Step(tiny.gradient(written_out=False), optimizer)
        end = lambda theta, step=step, tiny=tiny: endpoint(step, state(theta), tiny.batches).theta
        found[name] = tiny.jacobian(optimizer)
        np.testing.assert_allclose(found[name], jax.jit(jax.jacfwd(end))(tiny.theta), rtol=0, atol=1e-12)
    assert np.abs(found["stored"] - found["shuffled"]).max() > 1e-2  # negative control: the order matters
