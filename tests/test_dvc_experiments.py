"""DVC's experiments, metrics and plots."""

import re

import pytest

from repository import JACOBIANS, ONE_RUN, Repository, only_core

pytestmark = pytest.mark.engines


@pytest.fixture
def project(committed, tmp_path) -> Repository:
    return committed.copy(tmp_path / "project")


def test_experiment_in_the_workspace(project):
    ran = project.dvc("exp", "run", "--quiet", "-S", "runs.seed_1.initial.seed=9", "--name", "nine")
    assert only_core(ran) == ONE_RUN
    assert "nine" in project.call("dvc", "exp", "show", "--csv")
    changed = project.call("dvc", "metrics", "diff", "--md")
    assert "seed_1.sigma_1" in changed
    assert "smoke.sigma_1" not in changed
    assert "runs.seed_1.initial.seed" in project.call("dvc", "params", "diff", "--md")


def test_experiment_in_a_temporary_folder(project, tmp_path):
    project.git("init", "--quiet", "--bare", str(tmp_path / "git-remote"))
    project.git("remote", "add", "origin", str(tmp_path / "git-remote"))
    project.call("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    project.git("commit", "--quiet", "--all", "--message", "remote")
    project.git("push", "--quiet", "origin", "main")
    text = project.call("dvc", "exp", "run", "--temp", "-S", "runs.seed_1.initial.seed=9", "--name", "nine")
    assert re.findall(r"svd of (.*?): ", text) == ["seed_1"]  # one run of three
    assert "columns of seed_1: 2 jobs, " in text
    assert "seed: 1\n" in (project.root / "params.yaml").read_text()
    project.call("dvc", "exp", "apply", "nine")
    assert not JACOBIANS & set(project.snakemake())
    project.call("dvc", "exp", "push", "origin", "nine")
    assert "nine" in project.call("dvc", "exp", "list", "origin", "--all-commits")


def test_plots_and_pictures_of_the_pipeline(project):
    shown = project.call("dvc", "metrics", "show", "--json")
    for quantity in ("sigma_1", "test_loss", "exact_bulk_measured", "distance_from_one_below_0.1"):
        assert quantity in shown
    project.call("dvc", "plots", "show", "--out", "plots")
    page = (project.root / "plots/index.html").read_text()
    assert "singular value" in page
    assert "test loss (nats)" in page
    assert set(re.findall(r'"kind": "(\w+)"', page)) == {"bulk", "stable", "chaotic", "complement", "random"}
    assert '"field": "kind"' in page  # they are told apart
    assert "vegaEmbed" in page  # and the page needs no network
    assert not re.search(r"<(script|link)[^>]*(src|href)=", page)
    assert "jacobian" in project.call("dvc", "dag")
