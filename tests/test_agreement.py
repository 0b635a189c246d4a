"""Whether J describes how training answers: smooth steps do, kinks and signs do not, and figures say so."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest

import training_jacobian as tj
from training_jacobian.analyses.agreement import columns, compute
from training_jacobian.artifacts import store
from training_jacobian.figures.frame import NOTE, Plot
from training_jacobian.jacobian import differences, verdict
from training_jacobian.stages import figures

ROWS = np.random.default_rng(0).standard_normal((200, 16, 6))
LABELS = np.random.default_rng(1).integers(0, 3, (200, 16))


def trained(activation=jnp.tanh, optimizer=None):
    weights = np.random.default_rng(2)
    params = {"a": weights.standard_normal((6, 20)), "b": weights.standard_normal((20, 3))}
    loss = lambda p, batch: optax.softmax_cross_entropy_with_integer_labels(
        activation(batch[0] @ p["a"]) @ p["b"], batch[1]
    ).mean()
    return tj.train(loss, params, optimizer or optax.sgd(0.1, momentum=0.9), (ROWS, LABELS))


def test_smooth_training_agrees():
    found = tj.check(trained())
    assert found.agrees
    assert found.error < 1e-6
    assert found.up_to == found.table["size"].max()
    assert "describes, for steps up to" in str(found)
    assert len(found.table) == 3 * len(differences.STEPS)


@pytest.mark.parametrize(
    "training",
    [
        lambda: trained(activation=jax.nn.relu, optimizer=optax.sgd(1.0, momentum=0.9)),
        lambda: trained(optimizer=optax.lion(0.01)),
        lambda: trained(activation=lambda z: jax.lax.stop_gradient(jnp.tanh(z)) * jnp.tanh(z)),
    ],
    ids=["ReLU", "Lion", "stop_gradient"],
)
def test_what_no_derivative_sees_is_told(training):
    found = tj.check(training())
    assert not found.agrees
    assert found.error > 0.5
    assert "does NOT describe" in str(found)


def test_a_wrong_jacobian_is_told(monkeypatch):
    """The control: the same training with a J that is 10 % too large."""
    forward = tj.TrainingJacobian._forward
    wrong = lambda self, vectors, at: {t: 1.1 * made for t, made in forward(self, vectors, at).items()}
    monkeypatch.setattr("training_jacobian.jacobian.operator.TrainingJacobian._forward", wrong)
    found = tj.check(trained())
    assert not found.agrees
    assert found.error == pytest.approx(0.1 / 1.1, rel=1e-3)
    assert np.isnan(found.up_to)


def test_the_second_best_size_counts():
    table = pd.DataFrame({"direction": [1] * 4, "size": [1, 2, 3, 4], "error": [9.0, 0.001, 8.0, 7.0]})
    assert verdict.worst(table) == 7
    assert verdict.worst(table.assign(error=[0.1, np.nan, 0.2, np.nan])) == 0.2
    assert verdict.worst(table.assign(error=np.nan)) == np.inf
    assert verdict.up_to(table, 0.05) == 2


@pytest.fixture
def folder(tmp_path):
    """Folder of the analysis, written as a job does, with these errors."""

    def make(name, errors):
        made = tmp_path / "agreement" / name
        made.mkdir(parents=True)
        table = pd.DataFrame({"direction": 1, "size": [1e-3, 1e-2, 1e-1, 1.0], "error": errors})
        store.write_csv(made / "differences.csv", table)
        return made

    return make


def test_it_says_the_same_in_tables_as_in_a_session(folder):
    good, bad = folder("good", [1e-3, 1e-4, 0.04, 3]), folder("bad", [3, 1e-4, 0.06, np.nan])
    told = columns.columns(good, {})
    assert told == {"response_error": 1e-3, "describes_response": True, "describes_steps_up_to": 0.1}
    assert columns.columns(bad, {})["describes_response"] is False
    assert columns.mark(good) is None
    said = figures.note([["one", str(good)], ["two", str(bad)], ["three", str(bad)]])
    assert said == "J does not describe how training answers: two, three"
    assert figures.note([["one", str(good)]]) == ""


def test_the_note_is_drawn(tmp_path):
    seen = []
    plot = Plot(lambda figure, table: seen.append(figure))
    style = {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 50}
    table = pd.DataFrame({"run": ["two"]})
    for note in ("", "J does not describe how training answers: two"):
        table.attrs[NOTE] = note
        plot.save(table, style, {"png": tmp_path / "a.png"})
    texts = ["".join(text.get_text() for text in figure.texts) for figure in seen]
    assert texts[0] == ""
    assert texts[1].replace("\n", " ") == "J does not describe how training answers: two"


def test_the_declaration_counts_what_compute_does():
    from training_jacobian.analyses import agreement
    from training_jacobian.jacobian import steps

    assert agreement.DIRECTIONS == compute.DIRECTIONS
    assert 2 * compute.DIRECTIONS * len(differences.STEPS) == agreement.TRAININGS
    assert agreement.TOGETHER == steps.TOGETHER
