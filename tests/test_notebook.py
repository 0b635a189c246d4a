"""The examples of docs/notebook.md, as they stand there; and that a session and the workflow say the same."""

import re
import warnings
from contextlib import chdir

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest

import training_jacobian as tj
from conftest import ROOT
from training_jacobian.learning.layout import unflatten
from training_jacobian.run import Run
from training_jacobian.workflow.plan import plan

PAGE = (ROOT / "docs/notebook.md").read_text()


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Names after all examples, and the folder they were run in."""
    found, folder = {}, tmp_path_factory.mktemp("notebook")
    with chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # triplets that have not converged
        for example in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL):
            exec(compile(example, "docs/notebook.md", "exec"), found)  # noqa: S102 (that is the test)
    return found, folder


def test_the_first_example_is_short():
    first = re.search(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len([line for line in first[1].splitlines() if line.strip()]) <= 20


def test_the_examples(session):
    found, folder = session
    assert (folder / "bird.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "divergence.pdf").read_bytes().startswith(b"%PDF")
    J, S = found["J"].dense(), found["S"]
    assert np.allclose(found["U"] * S @ found["Vt"], J, atol=1e-12)
    assert np.allclose(found["top"].S, S[:5], atol=1e-5)
    assert jax.tree.structure(found["direction"]) == jax.tree.structure(found["params"])
    assert 0 < found["share"] <= 1
    assert np.allclose(found["early"][50], J @ found["Vt"][0])
    assert tj.check(found["training"]).agrees
    assert not tj.check(found["lion"]).agrees
    assert list(found["inside"]["dimension"].unique()) == [10, 210, 410, 610]
    assert set(found["moved"]["inputs"]) == {"train", "test", "inverted", "white_noise"}
    assert (found["angles"]["against"] == "bulk").any()


def test_a_loop_of_ones_own_of_the_examples(session):
    found, _ = session
    whole, kernel = (tj.TrainingJacobian(found[name]) for name in ("recorded", "to_kernel"))
    where = whole.names["params.layers_2.kernel"]
    assert np.allclose(kernel.dense(), whole.dense()[where, where], atol=1e-12)
    assert tj.check(found["recorded"]).agrees


@pytest.fixture(scope="module")
def both(smoke):
    """The run of the smoke project as stored, and trained in a session by what optax and a loss written here say."""
    with chdir(smoke.root):
        made = plan()
        stored = Run(made.recipes["smoke"]["train"])
        problem, batches = stored.problem, np.asarray(stored.problem.batches)
        loss = lambda p, batch: optax.softmax_cross_entropy_with_integer_labels(apply(p, batch[0]), batch[1]).mean()

        def apply(p, x):
            hidden = jax.nn.gelu(x @ p["Dense_0.kernel"] + p["Dense_0.bias"])
            return hidden @ p["Dense_1.kernel"] + p["Dense_1.bias"]

        data = {name: np.asarray(values) for name, values in problem.examples.items()}
        optimizer = optax.sgd(optax.cosine_decay_schedule(0.1, len(batches)), momentum=0.9)
        params = {name: jnp.asarray(part) for name, part in unflatten(stored.theta[0], problem.shapes).items()}
        own = tj.train(
            loss,
            params,
            optimizer,
            (data["inputs_train"][batches], data["labels_train"][batches]),
            test=(data["inputs_test"], data["labels_test"]),
            network=tj.Network(apply, data["inputs_train"], data["inputs_test"]),
        )
        yield own, made, smoke.root


def settings(made, section):
    return made.params.settings(section).model_dump()


@pytest.mark.parametrize(
    ("name", "file", "numbers"),
    [
        ("spectrum", "directions.csv", ["sigma", "cosine_uv"]),
        ("spectrum", "counts.csv", ["count_below"]),
        ("identity", "sigma.csv", ["sigma"]),
        ("perturbation", "responses.csv", ["along", "off", "predicted", "test_loss"]),
        ("behaviour", "divergence.csv", ["kl_max", "kl_mean"]),
        ("behaviour", "displacement.csv", ["displacement"]),
        ("hessian", "eigenvalues.csv", ["eigenvalue"]),
        ("hessian", "gradient.csv", ["train_loss", "overlap", "overlap_test", "overlap_random"]),
        ("hessian", "persistence.csv", ["persistence"]),
        ("projected", "losses.csv", ["train_loss", "test_loss"]),
        ("projected", "projector.csv", ["chi", "eigenvalue"]),
        ("joint", "spaces.csv", ["share", "chance"]),
        ("joint", "path.csv", ["share", "norm"]),
    ],
)
def test_a_session_says_what_the_workflow_says(both, name, file, numbers):
    own, made, root = both
    given = settings(made, name) if name != "identity" else {}
    table = getattr(tj.analyses, name)(own, **given)[file]
    stored = pd.read_csv(root / made.files("smoke", name)[0].rsplit("/", 1)[0] / file)
    assert len(table) == len(stored) > 0
    keep = np.ones(len(table), bool)
    if "size" in table:
        keep &= table["size"] <= 1  # a larger step leads far, and rounding with it
    if "exact" in table:
        keep &= ~table["exact"].astype(bool)  # where any basis is as good
    assert keep.sum() >= 4
    for column in numbers:
        one, other = table[column].to_numpy()[keep], stored[column].to_numpy()[keep]
        assert np.allclose(one, other, rtol=1e-6, atol=1e-9), column


def test_what_it_says_in_32_bits():
    batches = np.ones((4, 5, 3), np.float32)
    with jax.enable_x64(False):
        training = tj.train(lambda w, b: ((b @ w) ** 2).mean(), np.ones(3, np.float32), optax.sgd(0.1), batches)
    assert tj.TrainingJacobian(training).dtype == np.float32
    assert tj.check(training).agrees
