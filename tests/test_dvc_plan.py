"""The lists on which stages of dvc.yaml depend: after each edit, those of stages with jobs to run have new lines."""

import subprocess

import pytest
import yaml

from conftest import ROOT
from test_workflow import EDITS

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def lists(project):
    """By stage of dvc.yaml, the lines of its list."""
    command = STAGES["plan"]["cmd"].split()
    subprocess.run(command, cwd=project.root, env=project.environment, check=True)
    (folder,) = STAGES["plan"]["outs"]
    return {file.stem: set(file.read_text().splitlines()) for file in (project.root / folder).iterdir()}


def stage(rule):
    """That runs the jobs of a rule."""
    of_rules = {"columns": "jacobian", **{name: name for name in ("data", "train", "jacobian", "svd")}}
    of_rules |= dict.fromkeys(("agreement", "spectrum"), "analyses")
    return of_rules.get(rule, "figures")


@pytest.fixture(scope="module")
def before(finished, tmp_path_factory):
    return lists(finished.copy(tmp_path_factory.mktemp("before") / "project"))


@pytest.mark.parametrize("what", EDITS)
def test_exactly_what_an_edit_affects(before, project, what):
    file, old, new, jobs = EDITS[what]
    project.edit(old, new, file)
    after = lists(project)
    assert {name for name in after if after[name] - before[name]} == set(map(stage, jobs))


def test_each_stage_depends_on_its_own():
    for name, each in STAGES.items():
        of_lists = [path for path in each["deps"] if path.startswith("results/planned/")]
        assert of_lists == ([] if name == "plan" else [f"results/planned/{name}.txt"])


def test_a_mistake_is_told_before_any_list_is_written(project):
    project.edit("epochs: 1", "epochs: none")
    done = subprocess.run(
        STAGES["plan"]["cmd"].split(), cwd=project.root, env=project.environment, text=True, capture_output=True
    )
    assert done.returncode == 1
    assert "training.epochs" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.root / "results/planned").exists()
