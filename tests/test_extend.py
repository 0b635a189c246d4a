"""The examples of docs/extend.md, as they stand there, through Snakemake."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import jax
import numpy as np
import pandas as pd
import pytest
import yaml

import own_files
from conftest import ROOT, Project, once

pytestmark = pytest.mark.engines  # a whole project of its own
PAGE = (ROOT / "docs/extend.md").read_text()
JACOBIANS = {
    "train": 2,
    "columns": 2,
    "jacobian": 2,
    "svd": 2,
    "spectrum": 2,
    "agreement": 2,
    "behaviour": 1,
    "figure": 2,
    "runs": 1,
}
PUBLISHED = {"report": 1, "publish": 1, "all": 1}


def files() -> dict[str, str]:
    """Files of the page: path -> text."""
    found = re.findall(r"^`(components/\S+\.py)`.*?^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Project:
    (params,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)

    def make(root: Path) -> None:
        made = Project.create(root, params)
        for path, text in files().items():
            (root / path).write_text(text)
        subprocess.run([sys.executable, "components/moons.py"], cwd=root, env=made.environment, check=True)
        made.compute()

    return Project(once(tmp_path_factory, "extended", make))


@pytest.fixture
def project(extended, tmp_path) -> Project:
    return extended.copy(tmp_path / "project")


def test_all_kinds_are_there():
    assert list(files()) == [f"components/{name}.py" for name in ("my_net", "moons", "my_loss", "my_opt")]
    assert len(files()["components/my_net.py"].strip().splitlines()) <= 20


def test_it_is_computed_and_drawn(project):
    runs = pd.read_csv(project.root / "results/figs/runs.csv").set_index("run")
    assert list(runs["parameters"]) == [2 * 8 + 8 + 8 * 2 + 2, 2 * 12 + 12 + 12 * 2 + 2]
    assert (runs["test_accuracy"] > 0.5).all()
    assert (runs["exact_bulk_measured"] >= 1).all()
    assert (project.root / "results/figs/bird.pdf").read_bytes().startswith(b"%PDF")
    table = pd.read_csv(project.root / "results/figs/divergence.csv")
    assert list(table["inputs"].unique()) == ["train", "test"]


def test_its_jacobian_is_right(project, monkeypatch):
    """Against jax.jacfwd of the whole training, by the files' own functions on their own pytree."""
    monkeypatch.chdir(project.root)
    from training_jacobian.run import Run
    from training_jacobian.workflow.plan import plan

    run = Run(plan().recipes["narrow"]["train"])
    network, loss = (own_files.imported(f"components/{name}.py") for name in ("my_net", "my_loss"))
    rate = own_files.optax.cosine_decay_schedule(0.2, 12)
    optimizer = own_files.imported("components/my_opt.py").make(rate, decay=0.9)
    value = lambda outputs, labels: loss.value(outputs, labels, smoothing=0.1)
    expected, end = own_files.by_jax(run, network, value, optimizer, inputs=2, classes=2, width=8)
    with h5py.File("results/runs/narrow/jacobian/jacobian.h5") as file:
        J = file["J"][()]
    np.testing.assert_allclose(J, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(run.theta[-1], end, rtol=1e-12, atol=1e-13)
    assert jax.config.jax_enable_x64


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"),
    [
        ("components/my_net.py", "nn.gelu", "nn.tanh", JACOBIANS),
        ("components/my_net.py", "class Net", "# a comment\nclass Net", {}),
        ("components/my_opt.py", "nesterov=True", "nesterov=False", JACOBIANS),
        ("components/my_loss.py", ").mean()", ").sum()", JACOBIANS),
        ("params.yaml", "width: 12", "width: 13", {**JACOBIANS, **dict.fromkeys(("train", "columns", "jacobian", "svd", "spectrum", "agreement", "figure"), 1), "behaviour": 0}),
    ],
)  # fmt: skip
def test_exactly_what_an_edit_affects(project, file, old, new, jobs):
    project.edit(old, new, file)
    assert project.jobs() == ({rule: count for rule, count in {**jobs, **PUBLISHED}.items() if count} if jobs else {})


def test_a_changed_data_set_is_another_run(project):
    data = project.root / "components/moons.npz"
    before = data.read_bytes()
    arrays = dict(np.load(data))
    arrays["inputs_test"][0, 0] += 1
    np.savez(data, **arrays)
    assert project.jobs() == {"data": 1, **JACOBIANS, **PUBLISHED}
    data.write_bytes(before)
    assert project.jobs() == {}


def test_a_mistake_stops_snakemake_with_its_line(project):
    project.edit("nn.Dense(self.classes)", "nn.Dense(self.classes + 1)", "components/my_net.py")
    done = project.run("-n")
    assert done.returncode != 0
    told = "params.yaml: defaults.model.path = 'components/my_net.py': my_net.py, line 18: apply gives float64 of shape (1, 3)"
    assert told in " ".join((done.stdout + done.stderr).split())


PROGRAM = """
import json, sys
from training_jacobian.workflow.plan import plan
plan(sys.argv[1])
print(json.dumps([name for name in ("jax", "flax", "optax", "h5py") if name in sys.modules]))
"""


def test_planning_imports_jax_for_files_of_code_alone(project):
    def imported(params: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, params],
            cwd=project.root,
            env=project.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    assert imported("params.yaml")[:3] == ["jax", "flax", "optax"]
    tree = yaml.safe_load((project.root / "params.yaml").read_text())
    built_in = {
        "model": {"name": "mlp", "hidden": [3], "activation": "tanh"},
        "loss": {"name": "cross_entropy"},
        "initial": {"name": "random", "seed": 0, "bias_std": 0.1},
    }
    tree["defaults"] |= built_in
    tree["defaults"]["training"]["optimizer"] = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    tree["spectrum"]["thresholds"] = [0.1]  # which PyYAML takes for text as they stand
    tree["runs"] = {"narrow": {}, "wide": {"model": {"hidden": [4]}}}
    (project.root / "other.yaml").write_text(json.dumps(tree))
    assert imported("other.yaml") == []  # of data from .npz
