"""The exact bulk as measured, of several kinds of networks, against the null space of J - I; and as predicted."""

import functools
import sys
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest

from tiny import Tiny
from training_jacobian.analyses.angles import compute as angles
from training_jacobian.learning import exact_bulk, layout
from training_jacobian.learning.losses import cross_entropy
from training_jacobian.learning.models import mlp
from training_jacobian.spectral import svd
from training_jacobian.spectral.subspaces import nearest_to_one, random_subspace

DATA = "of_four_inputs"  # a data set of nothing but its sizes
LOSS, GAUGE = {"name": "cross_entropy"}, cross_entropy.gauge(3)
OFF = -50  # bias of a unit that no input turns on


class Network(Tiny):
    """`off`: parts of theta, and units, whose bias is -50; `twin`: the first two units start equal."""

    def __init__(self, activation, hidden, change=None, off=(), twin=False, dtype=np.float64, epochs=3):
        super().__init__(hidden=hidden, inputs=4, dtype=dtype, epochs=epochs)
        self.activation = activation
        self.model = {**self.model, "hidden": list(hidden), "activation": activation}
        where, theta = layout.slices(self.shapes), np.array(self.theta)
        for layer, unit in off:
            theta[where[f"Dense_{layer}.bias"]][unit] = OFF
        if twin:
            for name in ("Dense_0.bias", "Dense_0.kernel", "Dense_1.kernel"):
                part = theta[where[name]].reshape(self.shapes[name])
                units = part.T if name == "Dense_0.kernel" else part
                units[1] = units[0]
        self.theta = jnp.asarray(theta)
        if change:
            self.inputs = jnp.asarray(change(np.array(self.inputs)))

    def parts(self, rate=0.3):
        return svd.decompose(np.asarray(self.jacobian(optax.sgd(rate, momentum=0.9))))

    def parameters(self, **optimizer):
        return {
            "data": {"name": DATA},
            "model": self.model,
            "loss": LOSS,
            "training": {"dtype": self.theta.dtype.name, "optimizer": {"name": "sgd", **optimizer}},
        }


@pytest.fixture(autouse=True)
def sizes(monkeypatch):
    """Of these networks, whose inputs are of no data set."""
    facts = SimpleNamespace(INPUTS=4, CLASSES=3)
    monkeypatch.setitem(sys.modules, f"training_jacobian.learning.datasets.{DATA}", facts)


def dead(x):
    return np.concatenate([x[:, :2], 0 * x[:, 2:3], x[:, 3:]], axis=1)


def dependent(x):
    return np.concatenate([x[:, :2], 2 * x[:, :1], np.full_like(x[:, 3:], 0.5)], axis=1)


# predicted: gauge (last hidden + 1), dead or dependent inputs x units; and measured, of units of ReLU that are off also
# weights (in, bias, out) but for those that are counted already; of a layer that is off, all but the last bias
TABLE = {
    "softmax regression": (Network("gelu", (), dead), 7, 7),
    "two layers": (Network("tanh", (4, 5), dead), 10, 10),
    "dependent inputs, equal units": (Network("gelu", (4,), dependent, twin=True), 13, 13),
    "relu, units off, dead input": (Network("relu", (4,), dead, off=[(0, 1), (0, 3)]), 9, 9 + 2 * (3 + 1 + 2)),
    "relu, second layer off": (Network("relu", (4, 5), off=[(1, u) for u in range(5)]), 6, 63 - 2),
}


@pytest.fixture(scope="module")
def trained():
    """SVD of J of each network, made when it is asked for."""
    return functools.cache(lambda name: TABLE[name][0].parts())


def null_space(parts):
    """Of J - I, another way."""
    J = (parts["U"] * parts["S"]) @ parts["Vt"]
    S, Wt = np.linalg.svd(J - np.eye(len(J)))[1:]
    return Wt[S < 1e-10].T


def part_in(A, B):
    """Largest part of a column of A (N, a) in the span of B (N, b)."""
    return np.linalg.norm(A.T @ B, axis=1).max(initial=0)


@pytest.mark.parametrize("name", TABLE)
def test_measured_is_the_eigenspace_and_holds_what_is_predicted(name, trained):
    network, predicted, measured = TABLE[name]
    parts = trained(name)
    found = exact_bulk.of_run(network.parameters(), np.asarray(network.inputs), parts)
    E, exact = found.measured, null_space(parts)
    assert (found.predicted, E.shape[1], exact.shape[1]) == (predicted, measured, measured)
    assert found.defect < 1e-13
    assert np.allclose(E.T @ E, np.eye(measured), atol=1e-13)
    assert np.abs((parts["U"] * parts["S"]) @ (parts["Vt"] @ E) - E).max() < 1e-12
    rows = parts["Vt"][nearest_to_one(parts["S"])]
    left = exact_bulk.take_out(rows, E)
    assert left.shape == (len(rows) - measured, len(rows))
    assert np.allclose(left @ left.T, np.eye(len(left)), atol=1e-12)
    assert part_in(left.T, exact) < 1e-11
    assert np.array_equal(left, rows[measured:])  # nothing is mixed where no other sigma is as near to 1
    # negative control: the predicted count of rows, as was taken out before
    basis = mlp.untouched(network.shapes, np.asarray(network.inputs), GAUGE)
    assert (part_in(rows[predicted:].T, exact) > 0.5) == (measured > predicted)
    assert (part_in(rows[predicted:].T, basis) > 0.1) == (measured > predicted)
    if measured > predicted:
        assert part_in(exact_bulk.take_out(rows, basis).T, exact) > 0.5


@pytest.mark.parametrize("name", ["two layers", "relu, units off, dead input"])
def test_a_prediction_that_does_not_hold_is_an_error(name, trained):
    network = TABLE[name][0]
    wrong = np.array(network.inputs)
    wrong[:, 1] = 0  # a live input taken for dead
    model = rf"model mlp \(hidden \[4(, 5)?\], activation {network.activation}\) is none: \|J b - b\| is up to \d"
    with pytest.raises(ArithmeticError, match=model):
        exact_bulk.of_run(network.parameters(), wrong, trained(name))
    with pytest.raises(ArithmeticError, match=model):
        exact_bulk.to_take_out(network.parameters(), wrong, trained(name))


def test_what_is_nearly_exact_is_not():
    """A pixel of value 1e-5 lit by one example: sigma is off 1 by its square, u off v by more."""

    def rare(x):
        x = np.concatenate([x[:, :2], 0 * x[:, 2:3], np.full_like(x[:, 3:], 0.5)], axis=1)
        x[3, 2] = 1e-5
        return x

    network = Network("gelu", (4,), rare)
    parts = network.parts()
    found = exact_bulk.of_run(network.parameters(), np.asarray(network.inputs), parts)
    assert (found.predicted, found.measured.shape[1]) == (9, 9)
    assert (np.abs(parts["S"] - 1) < 1e-10).sum() > 9  # negative control: as was counted before


def test_no_prediction_but_for_sgd_and_models_that_have_one(trained, monkeypatch):
    name = "two layers"
    network, _, measured = TABLE[name]
    inputs = np.asarray(network.inputs)
    found = exact_bulk.of_run(network.parameters(weight_decay=0.1), inputs, trained(name))
    assert (found.predicted, found.defect, found.measured.shape[1]) == (None, None, measured)
    assert exact_bulk.untouched(network.parameters(weight_decay=0.1), inputs).shape[1] == 10  # though it is moved
    regression = {**network.parameters(), "model": {**network.model, "hidden": []}}
    assert exact_bulk.predicted(regression, inputs).shape == (15, 7)
    lenet5 = {"data": {"name": "mnist"}, "model": {"name": "lenet5", "activation": "tanh"}, "loss": LOSS}
    assert exact_bulk.untouched(lenet5, np.zeros((5, 784))) is None
    plain = "training_jacobian.learning.models.plain"  # a model whose author says nothing of what is untouched
    monkeypatch.setitem(sys.modules, plain, SimpleNamespace(shapes=lambda *_: {"kernel_0": (4, 5), "kernel_1": (5, 3)}))
    assert exact_bulk.predicted({**network.parameters(), "model": {"name": "plain"}}, inputs) is None


def test_float32_has_a_level_of_its_own():
    """It hides the exact bulk, but not that a prediction is wrong."""
    network = Network("gelu", (4,), dead, dtype=np.float32)
    inputs, parts = np.asarray(network.inputs), network.parts()
    found = exact_bulk.of_run(network.parameters(), inputs, parts)
    assert (found.predicted, found.measured) == (9, None)
    assert 1e-8 < found.defect < 1e-5 < exact_bulk.rounding(parts["S"], "float32") < 1e-2
    with pytest.raises(ArithmeticError, match="in float32: rounding hides its exact bulk"):
        exact_bulk.to_take_out(network.parameters(), inputs, parts)
    inputs = np.array(inputs)
    inputs[:, 1] = 0
    with pytest.raises(ArithmeticError, match="model mlp"):
        exact_bulk.of_run(network.parameters(), inputs, parts)


def planted(S, angles, seed=0):
    """SVD of Q blocks Q^T: `S` on a diagonal, and rotations of planes by `angles`; Q is orthogonal."""
    J = np.diag(np.concatenate([S, np.ones(2 * len(angles))]))
    for i, angle in enumerate(angles):
        at = slice(len(S) + 2 * i, len(S) + 2 * i + 2)
        J[at, at] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal(J.shape))[0]
    return svd.decompose(Q @ J @ Q.T), Q


@pytest.mark.parametrize("angles", [[1e-6], [1e-3, 1], [np.pi], [1e-8, 1e-7, 2]])
def test_what_is_turned_is_not_exact(angles):
    """sigma = 1 to rounding, and u is not v: the SVD mixes it with what is exact."""
    parts, Q = planted([3, 1.2, *[1] * 5, 1 - 1e-9, 0.5], angles)
    E = exact_bulk.measure(parts["U"], parts["S"], parts["Vt"], "float64")
    assert (np.abs(parts["S"] - 1) < 1e-10).sum() == 5 + 2 * len(angles)  # negative control
    assert E.shape[1] == 5
    assert part_in(E, Q[:, 2:7]) == pytest.approx(1)
    rows = parts["Vt"][nearest_to_one(parts["S"])]
    left = exact_bulk.take_out(rows, E)
    assert left.shape == (len(rows) - 5, len(rows))
    assert part_in(left.T, Q[:, 2:7]) < 1e-5  # rounding, 1e-14, over the distance of the nearest, 1e-9
    assert np.array_equal(left[-2:], rows[-2:])


@pytest.mark.parametrize("part", [1e-5, 5e-4])
def test_a_prediction_may_lean_on_what_is_nearly_exact(part, monkeypatch):
    """J keeps it to rounding, and has a part of it in a direction that it turns by 1e-9, which is not measured."""
    parts, Q = planted([3, 1.2, *[1] * 5, 0.5], [1e-9])
    predicted = Q[:, 2:7].copy()
    predicted[:, 0] = np.sqrt(1 - part**2) * Q[:, 2] + part * Q[:, 8]
    network = TABLE["two layers"][0]
    monkeypatch.setattr(mlp, "untouched", lambda shapes, inputs, gauge: predicted)
    found = exact_bulk.of_run(network.parameters(), np.asarray(network.inputs), parts)
    assert found.measured.shape[1] == 5
    assert np.linalg.norm(Q[:, 8] @ predicted) > exact_bulk.LEAK
    assert np.linalg.norm(Q[:, 8] @ found.measured) < exact_bulk.LEAK
    # negative control: a direction that J keeps as well is not measured
    monkeypatch.setattr(exact_bulk, "measure", lambda *given: found.measured[:, 1:])
    with pytest.raises(ArithmeticError, match="lies outside of what J keeps"):
        exact_bulk.of_run(network.parameters(), np.asarray(network.inputs), parts)


def test_what_is_left_keeps_its_order():
    """Of 12 ordered rows three are mixed with what is exact, far apart; between them nothing is moved."""
    rows, random = random_subspace(12, 20, 0), np.random.default_rng(1)
    mixed = [0, 4, 5, 9, 11]
    turned = np.linalg.qr(random.standard_normal((5, 5)))[0]
    taken, beside = turned[:, :3].T @ rows[mixed], turned[:, 3:].T @ rows[mixed]
    left = exact_bulk.take_out(rows, taken.T)
    assert left.shape == (9, 20)
    assert np.allclose(left @ left.T, np.eye(9))
    assert np.abs(left @ taken.T).max() < 1e-12
    still = [i for i in range(12) if i not in mixed]
    found = np.abs(left @ rows[still].T)  # which row lies where
    places = found.argmax(axis=0)
    assert np.allclose(found.max(axis=0), 1)
    assert list(places) == sorted(places)
    assert np.allclose(np.linalg.norm(left @ beside.T, axis=1).round(12).sum(), 2)  # and the mixed rest lies alone


@pytest.mark.parametrize(("largest", "count"), [(1e3, 40), (1e5, 40), (3e6, 40), (1e7, None)])
def test_rounding_follows_the_largest_singular_value(largest, count):
    parts, _ = planted([*np.geomspace(largest, 2, 20), *[1] * 40, 0.9, 0.5, 0.1], [1.0])
    E = exact_bulk.measure(parts["U"], parts["S"], parts["Vt"], "float64")
    assert (E if E is None else E.shape[1]) == count
    if largest == 3e6:  # negative control: they are no longer within 1e-10, as was asked before
        assert (np.abs(parts["S"] - 1) < 1e-10).sum() < 40


def test_nothing_exact_and_everything():
    identity = np.eye(6)
    assert exact_bulk.measure(identity, np.ones(6), identity, "float64").shape == (6, 6)
    none = exact_bulk.measure(identity, np.full(6, 2.0), identity, "float64")
    assert none.shape == (6, 0)
    assert np.array_equal(exact_bulk.take_out(identity, none), identity)
    assert exact_bulk.take_out(identity, identity).shape == (0, 6)


def test_angles_of_what_is_left(monkeypatch):
    """Runs of which 15 and 4 of 20 directions are taken out; a dimension that is no longer there is no row."""
    Q = [random_subspace(20, 20, seed) for seed in (0, 1)]
    runs = iter([(Q[0], Q[0][:15].T), (Q[1], Q[1][:4].T)])
    monkeypatch.setattr(angles, "bulk", lambda run: next(runs))
    settings = {"dimensions": {"start": 2, "stop": 10, "num": 3}, "seed": 0}
    written = angles.compute([None] * 2, settings)
    table = pd.DataFrame(written["overlaps.csv"]).query("against == 'bulk'").set_index(["exact_bulk", "dimension"])
    assert list(table.index) == [("kept", 2), ("kept", 6), ("kept", 10), ("removed", 2)]
    assert table.loc[("kept", 10), ["removed_from", "removed_with"]].tolist() == [0, 0]
    left = table.loc[("removed", 2)]
    assert left[["removed_from", "removed_with"]].tolist() == [15, 4]
    cosines = np.linalg.svd(Q[0][15:17] @ Q[1][4:6].T, compute_uv=False)
    assert left["mean_cosine"] == pytest.approx(cosines.mean())


def test_images_in_bytes_count_as_the_network_sees_them():
    """A pixel that is lit in all of them goes with the bias: w + b = 0 where it is 1, and 255 in bytes."""
    parameters = Network("gelu", (4,), dead).parameters()
    images = np.random.default_rng(0).integers(0, 256, (40, 64)).astype(np.uint8)
    images[:, 5] = 255
    found = exact_bulk.untouched(parameters | {"data": {"name": "digits"}}, images)
    again = exact_bulk.untouched(parameters | {"data": {"name": "digits"}}, images / 255)
    assert found.shape == again.shape
    assert np.linalg.norm(again - found @ (found.T @ again)) < 1e-10
    wrong = exact_bulk.untouched(parameters | {"data": {"name": "digits"}}, images.astype(float))
    assert np.linalg.norm(again - wrong @ (wrong.T @ again)) > 1e-3  # the control
