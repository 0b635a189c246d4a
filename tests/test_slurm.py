"""The smoke preset through profiles/slurm, on a real Slurm of two nodes on this machine."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from conftest import ROOT, Project

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
    missing = [
        name for name in ("munged", "sbatch") if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
    ]
    if missing:
        pytest.skip(
            f"NOT TESTED: no Slurm here ({missing} missing); apt-get install slurmctld slurmd slurm-client munge"
        )
    root = Path(tempfile.mkdtemp(prefix="slurm-"))
    root.chmod(0o755)  # munge wants its socket to be within everybody's reach; pytest's folders are not
    subprocess.run([ROOT / "tests/slurm/up.sh", root, "2"], check=True, timeout=120)
    yield {"SLURM_CONF": f"{root}/slurm.conf", "PATH": f"{root}/bin:{os.environ['PATH']}"}
    subprocess.run([ROOT / "tests/slurm/down.sh", root], check=True, timeout=120)
    shutil.rmtree(root)


@pytest.fixture
def project(tmp_path, cluster):
    made = Project.create(tmp_path / "project", (ROOT / "smoke.yaml").read_text())
    made.environment |= cluster
    return made


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    made = Project.create(tmp_path_factory.mktemp("local") / "project", (ROOT / "smoke.yaml").read_text())
    made.compute()
    return made.contents()


def finish(project):
    command = [*PROFILE, "--cores", "2"]
    done = project.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_same_bytes_on_both_nodes(project, local):
    text = finish(project)
    submitted = set(re.findall(r"SLURM jobid (\d+)", text))
    logs = [log.read_text() for log in (project.root / "results/logs").rglob("*.log")]
    jobs = {match for log in logs for match in re.findall(r"by Slurm job (\d+) on (\w+)", log)}
    assert {node for _, node in jobs} == {"node1", "node2"}
    assert {job for job, _ in jobs} <= submitted
    assert len(submitted) < 25  # of 39: light ones run here, the SVD with what surrounds it
    assert project.contents() == local


def wait_for_block(project, environment):
    """Slurm's id of a running block, and its node."""
    for _ in range(600):
        command = ["squeue", "-h", "-t", "R", "-o", "%i %N %k"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            if "columns" in line:
                return line.split()[:2]
        time.sleep(0.1)
    raise AssertionError("no block was started")


@pytest.mark.parametrize("harm", ["scancel", "down"])
def test_a_lost_job_is_run_again(project, cluster, local, harm):
    environment = {**os.environ, **cluster}
    command = ["python", "-m", "snakemake", *PROFILE, "--cores", "2"]
    running = subprocess.Popen(
        command, cwd=project.root, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    job, node = wait_for_block(project, environment)
    if harm == "scancel":
        subprocess.run(["scancel", job], env=environment, check=True)
    else:
        for state in ("down", "resume"):
            change = ["scontrol", "update", f"nodename={node}", f"state={state}", "reason=test"]
            subprocess.run(change, env=environment, check=True)
            time.sleep(5)
    running.communicate(timeout=300)
    finish(project)  # the same command, if the retries were not enough
    assert project.contents() == local
