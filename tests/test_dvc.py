"""DVC and Snakemake over the same artifacts: no order of using them computes anything twice."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.config import Config

from conftest import HANGS, ROOT, SMOKE, TINY, Project
from test_workflow import EDITS

pytestmark = pytest.mark.engines

JACOBIANS = {"columns", "jacobian", "svd"}


class Repository(Project):
    """A project under git and DVC; tells which jobs an engine ran, by the logs that jobs write."""

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return self.call("git", *identity, *arguments)

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=HANGS, check=False
        )
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
    plots = (".dvc/plots/kinds.json", ".dvc/plots/runs.json")
    for name in (".dvc/config", ".dvc/.gitignore", *plots, ".dvcignore", "dvc.yaml", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    made = Repository(root)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "start")
    return made


@pytest.fixture(scope="module")
def finished(smoke, tmp_path_factory) -> Repository:
    """The smoke preset by Snakemake, then `dvc repro`, committed; no stage function runs twice."""
    made = create(tmp_path_factory.mktemp("dvc") / "project", SMOKE)
    shutil.copytree(smoke.root / "results", made.root / "results", symlinks=True, dirs_exist_ok=True)
    assert made.snakemake() == {}
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


ONE_RUN = {"train": 1, "columns": 2, "jacobian": 1, "svd": 1, "agreement": 1, "spectrum": 1}


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
    project.edit("return 1 / size", "return 1.0 / size", "src/training_jacobian/spectral/subspaces.py")
    reading = {"subspace", "pfj", "angles", "projected", "joint", "null_models"}
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


def publish_results(project, url, **options):
    """The recipe for a shared remote in the README."""
    project.call("dvc", "remote", "add", "--default", "shared", url)
    for option, value in options.items():
        project.call("dvc", "remote", "modify", "shared", option, value)
    project.git("commit", "--quiet", "--all", "--message", "remote")
    project.call("dvc", "push")


def cloned(project, root):
    project.git("clone", "--quiet", ".", str(root))
    clone = Repository(root)
    clone.call("dvc", "pull")
    return clone


@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_clone_and_pull(project, tmp_path, engine):
    publish_results(project, str(tmp_path / "remote"))
    clone = cloned(project, tmp_path / "clone")
    ran = clone.snakemake() if engine == "snakemake" else clone.dvc("repro")
    assert set(ran) <= {"publish"}
    assert (clone.root / "results/figs/all").read_bytes() == (project.root / "results/figs/all").read_bytes()


@pytest.fixture
def s3(monkeypatch):
    """Address of an S3-compatible server on this machine, with a bucket called `shared`."""
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            client = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                config=Config(retries={"total_max_attempts": 20, "mode": "standard"}),
            )
            client.create_bucket(Bucket="shared")
            yield client
        finally:
            server.terminate()


def test_clone_and_pull_through_s3(finished, tmp_path, s3):
    project = finished.copy(tmp_path / "project")  # of now: its environment has the server's credentials
    publish_results(project, "s3://shared/results", endpointurl=s3.meta.endpoint_url)
    assert s3.list_objects_v2(Bucket="shared", Prefix="results/")["KeyCount"] > 20
    clone = cloned(project, tmp_path / "clone")
    assert set(clone.dvc("repro")) <= {"publish"}
    assert set(clone.snakemake()) <= {"publish"}
    assert (clone.root / "results/figs/all").read_bytes() == (project.root / "results/figs/all").read_bytes()


@pytest.fixture(scope="module")
def finished_tiny(tmp_path_factory) -> Repository:
    made = create(tmp_path_factory.mktemp("dvc") / "project", TINY + "sweeps: {}\n")  # dvc.yaml names that section
    made.dvc("repro")
    return made


def stages(jobs):
    """Jobs by the folder of their log; `publish` is noted beside the folders."""
    folders = dict.fromkeys(("figure", "runs", "table", "summary", "report"), "figures")
    found = Counter()
    for rule, count in jobs.items():
        if rule not in ("publish", "all"):
            found[folders.get(rule, rule)] += count
    return found


EXECUTED = ["split of the data", "learning rate of one run", "threshold", "one figure", "number of jobs"]


@pytest.mark.parametrize("what", EXECUTED)
def test_only_what_is_affected(finished_tiny, tmp_path, what):
    """Of the table of edits of test_workflow.py, there planned by Snakemake, one for each stage, executed by DVC."""
    file, old, new, jobs = EDITS[what]
    project = finished_tiny.copy(tmp_path / "project")
    project.edit(old, new, file)
    assert project.dvc("repro") == stages(jobs)
    assert project.snakemake() == {}


STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])


def first_stage(jobs):
    """The stage of dvc.yaml that makes the first artifact of these jobs."""
    of_rules = {"columns": "jacobian", **{name: name for name in ("data", "train", "jacobian", "svd")}}
    of_rules |= dict.fromkeys(("agreement", "spectrum"), "analyses")
    return min((of_rules.get(rule, "figures") for rule in jobs), key=STAGES.index)


@pytest.mark.parametrize("what", [what for what in EDITS if EDITS[what][3]])
def test_every_edit_is_seen(finished_tiny, tmp_path, what):
    """By the stage that has to run first: `dvc repro` starts nothing that `dvc status` does not name."""
    file, old, new, jobs = EDITS[what]
    project = finished_tiny.copy(tmp_path / "project")
    project.edit(old, new, file)
    assert first_stage(jobs) in json.loads(project.call("dvc", "status", "--json"))


def test_an_edit_of_what_a_stage_does_not_name_is_not_seen(finished_tiny, tmp_path):
    """The control of the test above."""
    project = finished_tiny.copy(tmp_path / "project")
    project.edit("    params: [defaults, runs, sweeps]\n", "", "dvc.yaml")
    file, old, new, _ = EDITS["learning rate of one run"]
    before = json.loads(project.call("dvc", "status", "--json")).get("train", [])
    project.edit(old, new, file)
    assert json.loads(project.call("dvc", "status", "--json")).get("train", []) == before


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
