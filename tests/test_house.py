"""The worked example of CONTRIBUTING.md: a toy of each kind dropped in, and nothing else in the package changed."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from conftest import ROOT, Project, once
from training_jacobian.learning import problem

PARAMS = """
defaults:
  data: {name: rings, test_size: 40, split_seed: 0}
  model: {name: normed}
  initial: {name: random, seed: 0, bias_std: 0.1}
  training:
    optimizer: {name: sign, learning_rate: 0.1, scale: 0.1}
    schedule: {name: constant}
    epochs: 1
    batch_size: 20
    dtype: float64
  loss: {name: brier}
  order: {name: reversed_}
runs:
  a: {}
  b: {model: {bias: true}}
spectrum: {thresholds: [1e-1], bulk_tolerance: 0.1}
drift: {power: 1}
figures:
  style: {width: 3.3, height: 2.3, font_size: 8, palette: colorblind, dpi: 100}
  plots:
    drift: {kind: drift, runs: all}
compute: {columns_per_job: 96}
"""


def toys() -> dict[str, str]:
    """Files of the example: path -> text."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    found = re.findall(r"^`(src/\S+\.py)`.*?^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return dict(found)


def create(root) -> Project:
    project = Project.create(root, PARAMS)
    for path, text in toys().items():
        assert not (ROOT / path).exists()
        (project.root / path).parent.mkdir(exist_ok=True)
        (project.root / path).write_text(text)
    return project


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Project:
    return Project(once(tmp_path_factory, "house", lambda root: create(root).compute()))


def command(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "training_jacobian", *words]
    return subprocess.run(
        arguments, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
    )


def test_there_is_one_of_each_kind():
    kinds = {path.split("/")[2] if "analyses" in path else path.split("/")[3] for path in toys()}
    assert kinds == {"analyses", "models", "datasets", "losses", "optimizers", "orders"}


@pytest.mark.engines
def test_it_is_computed_and_drawn(house):
    table = pd.read_csv(house.root / "results/figs/drift.csv")
    with h5py.File(house.root / "results/runs/a/train/train.h5") as file:
        theta, batches = file["theta"][()], file["batches"][()]
    assert list(batches[0]) == list(range(199, 179, -1))
    np.testing.assert_allclose(table[table["run"] == "a"]["drift"], np.linalg.norm(theta - theta[0], axis=1))
    assert list(theta[0][:3]) == [1, 1, 1]  # the model's own start
    assert (house.root / "results/figs/drift.pdf").read_bytes().startswith(b"%PDF")
    runs = pd.read_csv(house.root / "results/figs/runs.csv").set_index("run")
    assert runs.loc["a", "drift"] == pytest.approx(table[table["run"] == "a"]["drift"].iloc[-1])
    assert list(runs["parameters"]) == [9, 12]


@pytest.mark.engines
def test_its_jacobian_is_right(house):
    """By jax, from the toys' own functions, through the whole training."""
    program = """
import json, sys
import h5py, jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from training_jacobian.session import trajectory
made = trajectory("a")
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning.training import State, Step
step = Step(made.gradient, made.optimizer)
def end(theta):
    state = State(theta, made.optimizer.init(theta))
    for batch in made.batches:
        state = step(state, batch)
    return state.theta
theta = made.start.theta
print(json.dumps([np.asarray(jax.jacfwd(end)(theta)).tolist(), np.asarray(TrainingJacobian(made).columns(0, 9)).tolist()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=house.root,
        env=house.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_jax, J = map(np.array, json.loads(done.stdout))
    with h5py.File(house.root / "results/runs/a/jacobian/jacobian.h5") as file:
        np.testing.assert_allclose(file["J"][()], by_jax, atol=1e-12)
    np.testing.assert_allclose(J, by_jax, atol=1e-12)
    assert np.abs(by_jax - np.eye(9)).max() > 1e-3


@pytest.mark.engines
def test_commands_know_it(house, tmp_path):
    assert command(house, "check").returncode == 0
    (path,) = command(house, "path", "a", "drift").stdout.split()
    assert (house.root / path).is_file()
    assert re.search(r"^present .* drift +a$", command(house, "status").stdout, flags=re.MULTILINE)
    assert command(house, "verify").returncode == 0
    assert "0 files and folders" in command(house, "gc").stdout
    damaged = house.copy(tmp_path / "damaged")
    (damaged.root / path).write_text("wrong")
    assert "damaged: " + path in command(damaged, "verify").stdout
    damaged.edit("drift: {kind: drift, runs: all}", "spectrum: {kind: spectrum, runs: all}")
    assert path.rpartition("/")[0] in command(damaged, "gc").stdout


@pytest.mark.engines
def test_exactly_what_an_edit_affects(house, tmp_path):
    project = house.copy(tmp_path / "project")
    publish = {"report": 1, "publish": 1, "all": 1}
    edits = {
        "params.yaml": ("power: 1", "power: 2", {"drift": 2, "figure": 1, "runs": 1}),
        "src/training_jacobian/analyses/drift/figures.py": ("Step $t$", "Step", {"figure": 1}),
        "src/training_jacobian/analyses/drift/compute.py": ("axis=1) **", "axis=1) ** 1.0 **", {"drift": 2, "figure": 1, "runs": 1}),
        "src/training_jacobian/analyses/drift/__init__.py": ("of the norm", "of it", {}),
        "src/training_jacobian/learning/models/normed.py": ("+ 0.1)", "+ 0.2)", {"train": 2, "columns": 2, "jacobian": 2, "svd": 2, "agreement": 2, "spectrum": 2, "drift": 2, "figure": 1, "runs": 1}),
        "src/training_jacobian/learning/losses/brier.py": (".mean()", ".sum()", {"train": 2, "columns": 2, "jacobian": 2, "svd": 2, "agreement": 2, "spectrum": 2, "drift": 2, "figure": 1, "runs": 1}),
    }  # fmt: skip
    for file, (old, new, jobs) in edits.items():
        project.edit(old, new, file)
        assert project.jobs() == ({**jobs, **publish} if jobs else {}), file
        project.edit(new, old, file)


@pytest.mark.engines
def test_files_that_are_not_declared_are_told(house, tmp_path):
    project = house.copy(tmp_path / "project")
    project.edit('return {"drift.csv"', 'return {"drfit.csv"', "src/training_jacobian/analyses/drift/compute.py")
    done = project.run()
    assert done.returncode != 0
    told = "stage drift: its `compute` makes drfit.csv, and it declares drift.csv; correct one"
    assert told in done.stdout + done.stderr


@pytest.mark.engines
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("power: 1", "powr: 1", "params.yaml: drift: unknown key 'powr'; did you mean 'power'?"),
        ("power: 1", "power: 11", "params.yaml: drift.power = 11: Input should be less than or equal to 10"),
        ("drift: {power: 1}\n", "", "figures.plots.drift: there is no section 'drift' to tell how; add it"),
        ("name: normed", "name: normd", "defaults.model.name = 'normd': did you mean 'normed'? allowed: 'convnet', 'file', 'lenet5', 'linear', 'mlp', 'normed'"),
        ("name: brier", "name: brie", "defaults.loss.name = 'brie': did you mean 'brier'?"),
        ("kind: drift", "kind: drif", "figures.plots.drift.kind = 'drif': did you mean 'drift'?"),
    ],
)  # fmt: skip
def test_its_keys_are_checked(house, tmp_path, old, new, message):
    project = house.copy(tmp_path / "project")
    project.edit(old, new)
    assert message in command(project, "check").stderr


@pytest.mark.engines
def test_dvc_knows_it(house, tmp_path):
    import repository

    project = repository.create(tmp_path / "project", PARAMS)
    shutil.copytree(house.root, project.root, symlinks=True, dirs_exist_ok=True)
    assert project.dvc("repro") == {}
    assert project.snakemake() == {}
    project.edit("power: 1", "power: 2")
    ran = project.dvc("repro")
    assert {stage: count for stage, count in ran.items() if stage != "figures"} == {"drift": 2}


def test_a_loss_without_written_out_derivatives_has_those_of_jax(tiny):
    """Also where the model has its own, as the MLP."""
    loss = SimpleNamespace(value=lambda outputs, labels: (outputs[jnp.arange(len(labels)), labels] ** 2).mean())
    made = problem.gradient(tiny.shapes, tiny.model, loss)
    outputs = problem.outputs(tiny.shapes, tiny.model)
    by_jax = jax.grad(lambda theta: loss.value(outputs(theta, tiny.inputs), tiny.labels))(tiny.theta)
    np.testing.assert_allclose(made(tiny.theta, tiny.inputs, tiny.labels), by_jax, atol=1e-14)
