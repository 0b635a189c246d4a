"""DVC's experiments, metrics and plots."""

import re

import pytest

from repository import JACOBIANS, ONE_RUN, Repository, only_core

pytestmark = pytest.mark.engines


@pytest.fixture
def project(committed, tmp_path) -> Repository:
    return committed.copy(tmp_path / "project")


@pytest.fixture
def tiny(finished_tiny, tmp_path) -> Repository:
    return finished_tiny.copy(tmp_path / "project")


def test_experiment_in_the_workspace(tiny):
    ran = tiny.dvc("exp", "run", "--quiet", "-S", "runs.b.initial.seed=9", "--name", "nine")
    assert only_core(ran) == ONE_RUN
    for of in ([], ["--targets", "results/figs/runs.json"]):
        changed = tiny.call("dvc", "metrics", "diff", "--md", *of)
        assert "b.sigma_1" in changed
        assert "a.sigma_1" not in changed
        assert ("b.sigma_2" in changed) == bool(of)
    assert "runs.b.initial.seed" in tiny.call("dvc", "params", "diff", "--md", "--targets", "params.yaml")
    columns = tiny.call("dvc", "exp", "show", "--csv")
    assert "nine" in columns
    keys = {"defaults", "runs", "spectrum", "figures", "compute", "sigma_2"}
    assert of_params_and_metrics(tiny) & keys == {"defaults"}
    (tiny.root / ".dvcignore").unlink()  # the control
    assert of_params_and_metrics(tiny) >= {"runs", "spectrum", "figures", "compute"}


def of_params_and_metrics(project):
    """First and last parts of the names of columns of `dvc exp show`, such as `defaults` and `sigma_1`."""
    columns = project.call("dvc", "exp", "show", "--csv").splitlines()[0].split(",")
    return {part for name in columns for part in (name.split(".")[0], name.split(".")[-1])}


def test_experiment_in_a_temporary_folder(tiny, tmp_path):
    tiny.git("init", "--quiet", "--bare", str(tmp_path / "git-remote"))
    tiny.git("remote", "add", "origin", str(tmp_path / "git-remote"))
    tiny.call("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    tiny.git("commit", "--quiet", "--all", "--message", "remote")
    tiny.git("push", "--quiet", "origin", "main")
    text = tiny.call("dvc", "exp", "run", "--temp", "-S", "runs.b.initial.seed=9", "--name", "nine")
    assert re.findall(r"svd of (.*?): ", text) == ["b"]  # one run of three
    assert "columns of b: 2 jobs, " in text
    assert "seed: 1}" in (tiny.root / "params.yaml").read_text()
    tiny.call("dvc", "exp", "apply", "nine")
    assert not JACOBIANS & set(tiny.snakemake())
    tiny.call("dvc", "exp", "push", "origin", "nine")
    assert "nine" in tiny.call("dvc", "exp", "list", "origin", "--all-commits")


def test_plots_and_pictures_of_the_pipeline(project):
    shown = project.call("dvc", "metrics", "show", "--json", "results/figs/runs.json")
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
