"""DVC and Snakemake over the same artifacts: no order of using them computes anything twice."""

import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT, Project

JACOBIANS = {"columns", "jacobian", "svd"}


class Repository(Project):
    """A project under git and DVC; tells which jobs an engine ran, by the logs that jobs write."""

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return self.call("git", *identity, *arguments)

    def call(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def ran(self, *command: str) -> Counter[str]:
        """Jobs by the stage of their log, that a command ran."""
        start = time.time_ns()
        self.call(*command)
        logs = [log for log in (self.root / "results/logs").glob("*/*.log") if log.stat().st_mtime_ns > start]
        return Counter(log.parent.name if log.stem.count("-") < 2 else "columns" for log in logs)

    def snakemake(self) -> Counter[str]:
        return self.ran("snakemake", "--cores", "2", "results/figs/all")

    def dvc(self, *arguments: str) -> Counter[str]:
        return self.ran("dvc", *arguments)

    def copy(self, root: Path) -> "Repository":
        shutil.copytree(self.root, root, symlinks=True)
        return Repository(root)


def create(root: Path, params: str) -> Repository:
    Project.create(root, params)
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", "dvc.yaml", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    made = Repository(root)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "start")
    return made


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Repository:
    """The smoke preset by Snakemake, then `dvc repro`, committed; no stage function runs twice."""
    made = create(tmp_path_factory.mktemp("dvc") / "project", (ROOT / "smoke.yaml").read_text())
    first = made.snakemake()
    assert first["svd"] == 3
    assert made.dvc("repro") == {}
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "computed")
    return made


@pytest.fixture
def project(finished, tmp_path) -> Repository:
    return finished.copy(tmp_path / "project")


def test_nothing_to_do(project):
    assert project.dvc("repro") == {}
    assert project.snakemake() == {}
    assert project.call("dvc", "status") == "Data and pipelines are up to date.\n"
    assert project.call("git", "status", "--porcelain") == ""  # nothing that DVC or Snakemake makes is git's


ONE_RUN = {"train": 1, "columns": 2, "jacobian": 1, "svd": 1, "spectrum": 1}


def only_core(ran):
    return {stage: count for stage, count in ran.items() if stage in ONE_RUN}


def test_edit_under_one_engine_and_go_on_with_the_other(project):
    project.edit("      seed: 1\n", "      seed: 5\n")
    assert only_core(project.dvc("repro")) == ONE_RUN
    assert project.snakemake() == {}
    project.edit("      seed: 5\n", "      seed: 6\n")
    assert only_core(project.snakemake()) == ONE_RUN
    assert project.dvc("repro") == {}
    project.edit("      seed: 6\n", "      seed: 1\n")  # switched back
    assert not JACOBIANS & set(project.dvc("repro"))
    assert not JACOBIANS & set(project.snakemake())


def test_an_edit_of_the_code(project):
    project.edit("return 1 / size", "return 1.0 / size", "src/training_jacobian/subspaces.py")
    assert set(project.dvc("repro")) == {"subspace", "pfj", "angles", "figures"}
    assert project.snakemake() == {}


def test_metadata_times_and_permissions_do_not_matter(project):
    shutil.rmtree(project.root / ".snakemake")
    for path in (project.root / "results").rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (1e9, 1e9))
            path.chmod(0o444)
    assert not JACOBIANS & set(project.snakemake())
    assert not JACOBIANS & set(project.dvc("repro"))


@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_clone_and_pull(project, tmp_path, engine):
    project.call("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    project.git("commit", "--quiet", "--all", "--message", "remote")
    project.call("dvc", "push")
    project.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.call("dvc", "pull")
    ran = clone.snakemake() if engine == "snakemake" else clone.dvc("repro")
    assert set(ran) <= {"publish"}
    assert (clone.root / "results/figs/all").read_bytes() == (project.root / "results/figs/all").read_bytes()


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
    assert text.count("rule svd:") == 1  # one run of three
    assert text.count("rule columns:") == 2
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
    assert "jacobian" in project.call("dvc", "dag")
