"""DVC and Snakemake over the same artifacts: no order of using them computes anything twice."""

import json
import os
import re
import shutil
from collections import Counter

import pytest
import yaml

from repository import JACOBIANS, ONE_RUN, Repository, only_core
from test_workflow import EDITS

pytestmark = pytest.mark.engines


@pytest.fixture
def project(committed, tmp_path) -> Repository:
    return committed.copy(tmp_path / "project")


def test_nothing_to_do(project):
    assert project.dvc("repro") == {}
    assert project.snakemake() == {}
    assert project.call("dvc", "status") == "Data and pipelines are up to date.\n"
    assert project.call("git", "status", "--porcelain") == ""  # nothing that DVC or Snakemake makes is git's


def test_an_edit_of_the_code(project):
    project.edit("ROUNDING = 1e-13", "ROUNDING = 2e-13", "src/training_jacobian/spectral/quadrature.py")
    reading = {"density", "responses"}  # which reads what density found
    assert set(project.dvc("repro")) == {*reading, "figures"}
    assert project.snakemake() == {}


def test_metadata_times_and_permissions_do_not_matter(project):
    shutil.rmtree(project.root / ".snakemake")
    for path in (project.root / "results").rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (1e9, 1e9))
            path.chmod(0o444)
    assert not JACOBIANS & set(project.snakemake())
    assert not JACOBIANS & set(project.dvc("repro"))


def test_what_python_compiled_is_no_code(project):
    compiled = project.root / "src/training_jacobian/__pycache__"
    compiled.mkdir(exist_ok=True)
    (compiled / "new.pyc").write_bytes(b"compiled")
    assert project.call("dvc", "status") == "Data and pipelines are up to date.\n"
    (project.root / ".dvcignore").write_text("")  # negative control
    assert "src/training_jacobian" in project.call("dvc", "status")


def test_edit_under_one_engine_and_go_on_with_the_other(finished_tiny, tmp_path):
    project = finished_tiny.copy(tmp_path / "project")
    project.edit("seed: 1}", "seed: 5}")
    assert only_core(project.dvc("repro")) == ONE_RUN
    assert project.snakemake() == {}
    project.edit("seed: 5}", "seed: 6}")
    assert only_core(project.snakemake()) == ONE_RUN
    assert project.dvc("repro") == {}
    project.edit("seed: 6}", "seed: 1}")  # switched back
    assert not JACOBIANS & set(project.dvc("repro"))
    assert not JACOBIANS & set(project.snakemake())


def stages(jobs):
    """Jobs by the folder of their log; `publish` is noted beside the folders."""
    folders = dict.fromkeys(("figure", "runs", "table", "summary", "report"), "figures")
    found = Counter()
    for rule, count in jobs.items():
        if rule not in ("publish", "all"):
            found[folders.get(rule, rule)] += count
    return found


ALL = ["plan", "data", "train", "jacobian", "svd", "analyses", "figures"]
EXECUTED = {
    "split of the data": ALL,
    "learning rate of one run": ALL[:1] + ALL[2:],
    "threshold": ["plan", "analyses", "figures"],
    "one figure": ["plan", "figures"],
    "number of jobs": ["plan"],
}


@pytest.mark.parametrize("what", EXECUTED)
def test_only_what_is_affected(finished_tiny, tmp_path, what):
    """Of the table of edits of test_workflow.py, there planned by Snakemake, one for each stage, executed by DVC.

    Stages without work are not even started: for all edits in test_dvc_plan.py.
    """
    file, old, new, jobs = EDITS[what]
    project = finished_tiny.copy(tmp_path / "project")
    project.edit(old, new, file)
    assert project.dvc("repro") == stages(jobs)
    assert re.findall(r"Running stage '(\w+)'", project.shown) == EXECUTED[what]
    assert project.snakemake() == {}


def test_an_edit_is_seen(finished_tiny, tmp_path):
    """By the stage that lists what it changes."""
    project = finished_tiny.copy(tmp_path / "project")
    folders = {"params.yaml": "params.yaml", "src/training_jacobian/learning/training.py": "src/training_jacobian"}
    folders |= {"components/README.md": "components", "data/README.md": "data"}
    for file, named in {**folders, "Snakefile": None}.items():  # the last is the control: no result depends on it
        before = project.call("dvc", "status", "--json")
        (project.root / file).write_text((project.root / file).read_text() + "\n# a comment\n")
        after = project.call("dvc", "status", "--json")
        assert (after != before) == bool(named)
        assert named is None or any(named in each.get("changed deps", {}) for each in json.loads(after)["plan"])


def test_edits_of_all_analyses(project):
    edits = {
        "stop: 1e3, num: 7": "stop: 1e2, num: 7",
        "size: 1\n": "size: 2\n",
        "stop: 160, num: 5": "stop: 150, num: 5",
        "data: [smoke, varied]": "data: [smoke, varied, seed_1]",
        "1e-3, 1e-10": "1e-4, 1e-10",
    }
    for old, new in edits.items():
        project.edit(old, new)
    ran = project.dvc("repro")
    assert {stage: count for stage, count in ran.items() if stage != "figures"} == {
        "spectrum": 3,
        "perturbation": 2,
        "responses": 1,
        "behaviour": 1,
        "subspace": 1,
        "angles": 1,
        "null_models": 1,
    }
    assert project.snakemake() == {}


def test_a_sweep_is_seen_from_the_first_stage_on(project):
    """Its runs are trained by the stage that says so: nothing is left for a second `dvc repro`."""
    project.edit("sweeps: {}", "sweeps: {start: {base: smoke, vary: {initial.seed: [7]}}}")
    assert only_core(project.dvc("repro")) == ONE_RUN
    assert project.dvc("repro") == {}
    assert project.call("dvc", "status") == "Data and pipelines are up to date.\n"
    assert project.snakemake() == {}


def test_edit_of_what_runs_without_j_share(project):
    """The settings of a partial SVD may stand in `defaults`, of which nothing before the analysis may depend."""
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["defaults"]["svd"] = params["runs"]["partial"].pop("svd")
    for run in ("smoke", "seed_1", "varied"):
        params["runs"][run]["svd"] = {"method": "dense"}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert project.dvc("repro") == {}
    project.edit("rank: 5", "rank: 6")
    ran = project.dvc("repro")
    assert {stage: count for stage, count in ran.items() if stage != "figures"} == {
        "triplets": 1,
        "density": 1,
        "responses": 1,
    }
    assert project.snakemake() == {}
