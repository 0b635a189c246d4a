"""Data sets that are made here: a sine with noise, and Gaussians; linear models, with what no gradient touches."""

import numpy as np
import pytest

import own_files
from training_jacobian.analyses.hessian import compute as hessian
from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import exact_bulk, problem
from training_jacobian.learning.components import chosen, component
from training_jacobian.learning.layout import shapes_of
from training_jacobian.learning.models import linear
from training_jacobian.learning.whole import classes as classes_of
from training_jacobian.spectral import svd
from training_jacobian.stages import data

SINE = {"name": "sine", "train_size": 600, "test_size": 300, "noise": 0.1, "seed": 0}
GAUSSIANS = {
    "name": "gaussians", "classes": 3, "inputs": 5, "train_size": 600, "test_size": 300, "spread": 0.1, "seed": 0,
}  # fmt: skip
TRAINING = {
    "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0},
    "schedule": {"name": "constant"},
    "dtype": "float64",
}


def parameters(section, model=None, loss="mse", epochs=10, batch=300):
    """Of a run, by section."""
    return {
        "data": section,
        "model": model or {"name": "mlp", "hidden": [4], "activation": "softplus"},
        "loss": {"name": loss},
        "order": {"name": "stored"},
        "training": {**TRAINING, "epochs": epochs, "batch_size": batch},
    }


@pytest.mark.parametrize("section", [SINE, GAUSSIANS], ids=lambda each: each["name"])
def test_parts_depend_on_the_seed_alone_and_not_on_each_other(section):
    one, again = (data.examples(section, []) for _ in range(2))
    more, other = (data.examples({**section, **change}, []) for change in ({"test_size": 3}, {"seed": 1}))
    for name, values in one.items():
        np.testing.assert_array_equal(values, again[name])
        assert values.dtype == (np.int64 if name.startswith("labels") and section is GAUSSIANS else np.float64)
        if name.endswith("train"):
            np.testing.assert_array_equal(values, more[name])
    assert (one["inputs_train"] != other["inputs_train"]).all()  # negative control
    assert (one["inputs_train"][:300] != one["inputs_test"]).all()


def test_sine():
    made, facts = component("datasets", "sine").examples(SINE), chosen("datasets", SINE)
    x, y = made["inputs_train"], made["labels_train"]
    assert (x.shape, y.shape, made["inputs_test"].shape) == ((600, 1), (600, 1), (300, 1))
    assert 0 <= x.min() < 0.01 < 0.99 < x.max() < 1
    off = y - np.sin(2 * np.pi * x)
    assert off.std() == pytest.approx(0.1, rel=0.1)  # three standard errors
    assert abs(off.mean()) < 3 * 0.1 / np.sqrt(600)
    assert (y - np.cos(2 * np.pi * x)).std() > 0.5  # negative control
    exact = component("datasets", "sine").examples({**SINE, "noise": 0})
    np.testing.assert_array_equal(exact["labels_train"], np.sin(2 * np.pi * exact["inputs_train"]))
    assert (facts.INPUTS, facts.CLASSES, facts.TRAIN, facts.EXAMPLES, facts.REAL) == (1, 1, 600, 900, True)


def test_gaussians():
    made, facts = component("datasets", "gaussians").examples(GAUSSIANS), chosen("datasets", GAUSSIANS)
    x, labels = made["inputs_train"], made["labels_train"]
    np.testing.assert_array_equal(np.bincount(labels), [200, 200, 200])
    means = np.stack([x[labels == each].mean(0) for each in range(3)])
    np.testing.assert_allclose(means @ means.T, np.eye(3), atol=6 * 0.1 / np.sqrt(200))
    assert (x - means[labels]).std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(means @ means.T - 2 * np.eye(3)).max() > 0.5  # negative control
    points = component("datasets", "gaussians").examples({**GAUSSIANS, "spread": 0})
    np.testing.assert_array_equal(points["inputs_test"], np.eye(3, 5)[points["labels_test"]])
    assert (facts.INPUTS, facts.CLASSES, facts.TRAIN, facts.EXAMPLES, facts.REAL) == (5, 3, 600, 900, False)


def test_sizes_follow_the_options():
    """Not those of the module: another number of classes, other outputs."""
    for classes, width in ((3, 5), (2, 7)):
        section = {**GAUSSIANS, "classes": classes, "inputs": width}
        assert shapes_of(section, {"name": "linear"}) == {"kernel": (width, classes)}


def test_a_network_learns_the_sine():
    """With MSE; a network that says zero has the mean square, about a half."""
    made = problem.Problem(parameters(SINE, {"name": "mlp", "hidden": [8], "activation": "tanh"}, epochs=1000),
                           component("datasets", "sine").examples(SINE))  # fmt: skip
    theta = 2 * np.random.default_rng(0).standard_normal(made.size)
    states = trajectory.in_memory(made.gradient, made.optimizer, made.start(theta), made.batches, 2000).rows(0, 2)
    loss, accuracy = made.evaluate(states.theta, "test")
    assert made.regression
    assert made.guess == pytest.approx(0.51, abs=0.06)
    assert loss[1] < 0.3 * made.guess < loss[0]  # the best straight line leaves 1 - 6 / pi^2 = 0.39 of it
    assert np.isnan(accuracy).all()


HESSIAN = {"pairs": 4, "every": 2, "spaces_every": 2, "tolerance": 1e-8, "products": 2000, "seed": 0}
OF_SINE = {
    "data": {**SINE, "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden": [3], "activation": "softplus"},
    "initial": {"name": "random", "seed": 0, "bias_std": 0.1},
    "loss": {"name": "mse"},
    "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0},
    "schedule": {"name": "constant"},
    "batch_size": 16,
    "hessian": HESSIAN,
    "plots": {"a": {"kind": "hessian_gradient", "runs": ["mine"]}},
}


def test_params_and_analyses_of_the_sine(tmp_path, monkeypatch):
    """Data, training and Hessian through params.yaml; the parameter-function Jacobian is refused, as of files."""
    monkeypatch.chdir(tmp_path)
    run = own_files.trained(own_files.load(**OF_SINE))
    assert classes_of(run.problem) == 1
    found = hessian.compute(run, HESSIAN)["gradient.csv"]
    assert list(found["step"]) == [0, 1, 2, 4, 5, 6, 8]
    assert np.isfinite(found[["train_loss", "f_top", "overlap", "overlap_test"]].to_numpy()).all()
    pfj = {"pfj": {"dimensions": {"start": 1, "stop": 3, "num": 2}, "seed": 0}}
    plots = {"plots": {"a": {"kind": "pfj_spectrum", "runs": ["mine"]}}}
    assert "it is a regression, whose outputs are no log-probabilities" in own_files.refusal(**OF_SINE | pfj | plots)
    few = {"hessian": {**HESSIAN, "pairs": 10}}
    assert "hessian.pairs = 10 is not below the 10 parameters; lower it" in own_files.refusal(**OF_SINE | few)


@pytest.mark.parametrize("spread", [0, 0.3])
def test_exact_bulk_of_a_linear_model(spread):
    """Its closed form is what is measured of J: 2 d - 2 directions of two points, d of inputs of full rank."""
    section = {**GAUSSIANS, "classes": 2, "inputs": 4, "train_size": 20, "test_size": 2, "spread": spread}
    chosen_ = parameters(section, {"name": "linear"}, "cross_entropy", batch=20)
    made = problem.Problem(chosen_, component("datasets", "gaussians").examples(section))
    theta = np.random.default_rng(0).standard_normal(made.size)
    states = trajectory.in_memory(made.gradient, made.optimizer, made.start(theta), made.batches)
    J = np.asarray(TrainingJacobian(states).columns(0, made.size))
    inputs = np.asarray(made.examples["inputs_train"])
    found = exact_bulk.of_run(chosen_, inputs, svd.decompose(J))
    wanted = 6 if spread == 0 else 4
    assert (found.predicted, found.measured.shape[1]) == (wanted, wanted)
    assert found.defect < 1e-13
    # negative control: what is touched, and what MSE does not ignore
    basis = linear.untouched(made.shapes, inputs, np.ones((2, 1)))
    rest = np.linalg.svd(basis, full_matrices=True)[0][:, wanted:]
    assert np.linalg.norm(J @ rest - rest, axis=0).min() > 1e-3
    assert linear.untouched(made.shapes, inputs, np.zeros((2, 0))).shape == (8, 4 if spread == 0 else 0)
