"""The smoke preset through profiles/slurm, on a real Slurm of two nodes on this machine."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from conftest import ROOT, SLURM_PLUGIN, SMOKE, Project

pytestmark = pytest.mark.slurm

PROFILE = [
    *("--profile", "profiles/slurm", "--max-threads", "2", "--jobs", "4"),
    *("--default-resources", "slurm_partition=debug", "mem_mb=600", "runtime=10"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"),
    *("--seconds-between-status-checks", "5", "--latency-wait", "10"),
]


@pytest.fixture(scope="module")
def cluster():
    """SLURM_CONF and PATH of a running Slurm."""
    prefix = os.environ.get("SLURM_PREFIX", "")
    where = f"{prefix}/usr/bin:{prefix}/usr/sbin:{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in ("munged", "slurmctld", "slurmd", "srun") if shutil.which(name, path=where) is None]
    if missing:
        pytest.skip(f"SLURM NOT TESTED: {', '.join(missing)} not found; tests/slurm/install.sh FOLDER installs them")
    root = Path(tempfile.mkdtemp(prefix="slurm-"))
    root.chmod(0o755)  # munge wants its socket to be within everybody's reach; pytest's folders are not
    subprocess.run([ROOT / "tests/slurm/up.sh", root, "2"], check=True, timeout=600)
    yield {"SLURM_CONF": f"{root}/slurm.conf", "PATH": f"{root}/bin:{os.environ['PATH']}"}
    subprocess.run([ROOT / "tests/slurm/down.sh", root], check=True, timeout=600)
    shutil.rmtree(root)


@pytest.fixture
def project(tmp_path, cluster):
    made = Project.create(tmp_path / "project", SMOKE)
    made.environment |= {**cluster, "PYTHONPATH": f"{made.environment['PYTHONPATH']}:{SLURM_PLUGIN}"}
    return made


@pytest.fixture(scope="module")
def local(smoke):
    return smoke.contents()


def finish(project, *targets):
    done = project.run(*PROFILE, *targets)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_same_bytes_on_both_nodes(project, local):
    finish(project)
    told = [log.read_text() for log in (project.root / ".snakemake/log").glob("*.log")]  # the terminal is calm
    submitted = set(re.findall(r"SLURM jobid (\d+)", "".join(told)))
    logs = [log.read_text() for log in (project.root / "results/logs").rglob("*.log")]
    jobs = {match for log in logs for match in re.findall(r"by Slurm job (\d+) on (\w+)", log)}
    assert {node for _, node in jobs} == {"node1", "node2"}
    assert {job for job, _ in jobs} <= submitted
    assert len(submitted) == 30  # of 66: light ones run here, an SVD with what surrounds it
    assert project.contents() == local


def wait_for_block(environment):
    """Slurm's id of a running block, and its node."""
    for _ in range(3000):
        command = ["squeue", "-h", "-t", "R", "-o", "%i %N %k"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            if "columns" in line:
                return line.split()[:2]
        time.sleep(0.1)
    raise AssertionError("no block was started")


def take_down(node, environment):
    """Set a node down in the middle of its work; it comes back when it reports to the controller, or is told to."""

    def slurm(*command):
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    time.sleep(5)
    if "down" in slurm("sinfo", "--noheader", "--nodes", node, "--format", "%T"):
        slurm("scontrol", "update", f"nodename={node}", "state=resume")


@pytest.mark.parametrize("harm", ["scancel", "down"])
def test_a_lost_job_is_run_again(project, cluster, local, harm):
    environment = {**os.environ, **cluster}
    command = ["python", "-m", "snakemake", *PROFILE, "--cores", "2", "all_svd"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=project.root, env=project.environment, **pipes) as running:
        try:
            job, node = wait_for_block(environment)
            if harm == "scancel":
                subprocess.run(["scancel", job], env=environment, check=True)
            else:
                take_down(node, environment)
            text, _ = running.communicate(timeout=900)
        finally:
            running.kill()
    assert f"SLURM-job '{job}' failed" in text  # it was lost indeed
    finish(project, "all_svd")  # the same command, if the retries were not enough
    stages = ("data/", "train/", "jacobian/", "svd/")
    assert project.contents() == {name: found for name, found in local.items() if name.startswith(stages)}
