"""The parameter-function Jacobian in closed form, and its null space counted in two ways."""

import numpy as np
import pytest
import scipy.special

from training_jacobian.analyses.pfj import numerics as pfj
from training_jacobian.learning import exact_bulk, layout, problem
from training_jacobian.learning.losses import cross_entropy
from training_jacobian.learning.models import mlp

RANDOM = np.random.default_rng(0)


def model(hidden=(), activation="gelu"):
    return {"name": "mlp", "hidden": hidden, "activation": activation}


def test_softmax_regression_in_closed_form():
    """d log p_c / d b_k = [c = k] - p_k, and times x_i for the kernel."""
    shapes = mlp.shapes({"hidden": ()}, inputs=4, classes=3)
    theta, inputs = RANDOM.standard_normal(15), RANDOM.standard_normal((70, 4))
    P = pfj.parameter_function_jacobian(problem.outputs(shapes, model(activation="tanh")), theta, inputs)
    parts = layout.unflatten(theta, shapes)
    p = scipy.special.softmax(inputs @ parts["Dense_0.kernel"] + parts["Dense_0.bias"], axis=1)
    bias = np.eye(3)[None] - p[:, None, :]  # (n, c, k)
    kernel = inputs[:, None, :, None] * bias[:, :, None, :]
    expected = np.concatenate([bias, kernel.reshape(70, 3, 12)], axis=2).reshape(210, 15)
    assert np.allclose(P, expected, atol=1e-13)
    assert not np.allclose(P, np.roll(expected, 1, axis=0), atol=0.1)  # negative control: order of the outputs


def test_decomposition():
    """Against the SVD, over six decades, with one column that is zero."""
    P = RANDOM.standard_normal((30, 8)) * np.geomspace(1, 1e-6, 8)
    P[:, 3] = 0
    S, rows = pfj.decompose(P)
    _, expected, Vt = np.linalg.svd(P)
    assert np.allclose(S[1:], expected[:7][::-1], rtol=1e-6)
    assert np.allclose(rows @ rows.T, np.eye(8), atol=1e-13)
    assert np.allclose(abs(np.sum(rows[1:] * Vt[:7][::-1], axis=1)), 1, atol=1e-6)
    assert abs(rows[0, 3]) == pytest.approx(1)
    assert pfj.nullity(S) == 1
    P[:, 3] = 1e-5  # negative control
    assert pfj.nullity(pfj.decompose(P)[0]) == 0
    assert pfj.nullity(pfj.decompose(P[:5])[0]) == 3  # fewer outputs than parameters


def test_a_wrong_decomposition_is_refused(monkeypatch):
    right = pfj.scipy.linalg.eigh

    def wrong(*arguments, **options):
        squares, V = right(*arguments, **options)
        V[:, -1] *= 1 + 1e-9
        return squares, V

    monkeypatch.setattr(pfj.scipy.linalg, "eigh", wrong)
    with pytest.raises(ArithmeticError, match=r"decomposition of the PFJ has residual \d\.\de-\d+, above 1e-12"):
        pfj.decompose(RANDOM.standard_normal((30, 8)))


HIDDEN, CLASSES, D = (5,), 4, 8
GAUGE = cross_entropy.gauge(CLASSES)


def of_network(inputs, hidden=HIDDEN):
    shapes = mlp.shapes({"hidden": hidden}, D, CLASSES)
    theta = RANDOM.standard_normal(layout.size(shapes))
    P = pfj.parameter_function_jacobian(problem.outputs(shapes, model()), theta, inputs)
    return pfj.nullity(pfj.decompose(P)[0]), pfj.trivial_nullity(P, inputs, shapes)


def test_nullity_is_the_trivial_one():
    inputs = RANDOM.random((60, D))
    assert of_network(inputs) == (6, {"gauge": 6, "dead_inputs": 0, "rare_inputs": 0})
    inputs[:, 2] = 0
    assert of_network(inputs) == (11, {"gauge": 6, "dead_inputs": 5, "rare_inputs": 0})
    inputs[1:, 5] = 0  # lit by one input, which has 3 independent outputs for 5 weights
    assert of_network(inputs) == (13, {"gauge": 6, "dead_inputs": 5, "rare_inputs": 2})
    inputs[1:, 6] = 0  # lit by the same input
    assert of_network(inputs) == (18, {"gauge": 6, "dead_inputs": 5, "rare_inputs": 7})
    inputs[2, 6] = 0.5  # and by another one
    nullity, trivial = of_network(inputs)
    assert nullity == sum(trivial.values()) == 15


def test_nothing_rare_once_it_is_lit_often_enough():
    inputs = RANDOM.random((60, D))
    inputs[2:, 5] = 0  # two inputs, 6 independent outputs, 5 weights: negative control
    assert of_network(inputs) == (6, {"gauge": 6, "dead_inputs": 0, "rare_inputs": 0})


@pytest.mark.parametrize(("of", "to"), [("proportion", 2.0), ("constant", 0.5)])
def test_exact_bulk_of_dependent_inputs(of, to):
    """Two pixels always in proportion, or one always the same: no pixel is dead, and some weights are never touched."""
    shapes = mlp.shapes({"hidden": HIDDEN}, D, CLASSES)
    inputs = RANDOM.random((60, D))
    inputs[:, 2] = to * inputs[:, 5] if of == "proportion" else to
    basis = mlp.untouched(shapes, inputs, GAUGE)
    assert basis.shape[1] == 6 + 5
    assert np.allclose(basis.T @ basis, np.eye(11), atol=1e-12)
    theta = RANDOM.standard_normal(layout.size(shapes))
    P = pfj.parameter_function_jacobian(problem.outputs(shapes, model()), theta, inputs)
    assert np.abs(P @ basis).max() < 1e-12
    inputs[0, 2] += 0.5  # negative control
    assert mlp.untouched(shapes, inputs, GAUGE).shape[1] == 6
    P = pfj.parameter_function_jacobian(problem.outputs(shapes, model()), theta, inputs)
    assert np.abs(P @ basis).max() > 1e-3


def test_trivial_part_without_hidden_layers_and_of_one_input():
    inputs = RANDOM.random((60, D))
    inputs[:, 2] = 0
    assert of_network(inputs, ()) == (12, {"gauge": 9, "dead_inputs": 3, "rare_inputs": 0})
    nullity, trivial = of_network(inputs[:1])  # rank 3 of 69 parameters
    assert nullity == 66
    assert trivial == {"gauge": 6, "dead_inputs": 5, "rare_inputs": 7 * 5 - 3}


MODEL = {"name": "mlp", "hidden": [5], "activation": "relu"}


def test_a_unit_of_relu_that_is_off_on_all_inputs():
    shapes = mlp.shapes({"hidden": HIDDEN}, D, CLASSES)
    theta, inputs = np.abs(RANDOM.standard_normal(layout.size(shapes))), RANDOM.random((60, D))
    theta[layout.slices(shapes)["Dense_0.bias"]][1] = -100
    inputs[:, 2] = 0
    inputs[1:, 5] = 0  # lit by one input: 3 independent outputs for the weights to 4 units
    P = pfj.parameter_function_jacobian(problem.outputs(shapes, MODEL), theta, inputs)
    S, rows = pfj.decompose(P)
    predicted = mlp.untouched(shapes, inputs, GAUGE)
    found = pfj.trivial(P, S, predicted, MODEL)
    assert predicted.shape[1] == 6 + 5
    assert found.shape[1] == 6 + 5 + (D - 1) + 1 + (
        CLASSES - 1
    )  # weights from live inputs, bias, outputs but the gauge
    assert np.allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-12)
    assert np.abs(P @ found).max() < 1e-12
    assert pfj.trivial_nullity(P, inputs, shapes) == {"gauge": 6, "dead_inputs": 5, "rare_inputs": 1}
    left = exact_bulk.take_out(rows, found)
    assert left.shape == (len(S) - found.shape[1], len(S))
    assert np.abs(left @ found).max() < 1e-6
    part = np.linalg.norm(exact_bulk.take_out(rows, predicted) @ found, axis=1)  # negative control: it stays in
    assert part.max() > 0.5
    alone = pfj.trivial(P, S, np.empty((len(theta), 0)), MODEL)  # of a model that predicts nothing: what P shows
    assert alone.shape[1] == D + 1 + CLASSES + (5 - 1)  # of the unit that is off, and of the dead input
    assert np.abs(found @ (found.T @ alone) - alone).max() < 1e-12
    live = np.array(inputs)
    live[:, 6] = 0  # taken for dead
    with pytest.raises(ArithmeticError, match=r"model mlp \(hidden \[5\], activation relu\) .* PFJ has \|P b\| up to"):
        pfj.trivial(P, S, mlp.untouched(shapes, live, GAUGE), MODEL)
