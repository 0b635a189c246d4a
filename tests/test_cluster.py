"""What a cluster is asked for, without one; what jobs share on this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import SLURM_PLUGIN, TINY, Project
from sized import tree_of, write
from training_jacobian.artifacts.address import key
from training_jacobian.workflow import fits
from training_jacobian.workflow.loading import parse
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.plan import Plan

# what sbatch is called with, one line a job; squeue and the like say nothing
SBATCH = "#!/bin/sh\necho $* >>submitted\necho $$\n"


@pytest.fixture
def submitted(tmp_path):
    """Function that starts Snakemake with profiles/slurm and gives the options of the first jobs that it submits."""
    fake = tmp_path / "fake"
    for name in ("sbatch", "squeue", "sacct", "sacctmgr", "scontrol", "sinfo", "scancel"):
        write(fake, {name: SBATCH if name == "sbatch" else "#!/bin/sh\n"})
        (fake / name).chmod(0o755)

    def start(project, count, *options):
        found = {"PATH": f"{fake}:{os.environ['PATH']}", "PYTHONPATH": f"{project.root / 'src'}:{SLURM_PLUGIN}"}
        environment = {**project.environment, **found}
        command = [sys.executable, "-m", "snakemake", "all_svd", "--profile", "profiles/slurm", *options]
        lines = []
        with subprocess.Popen(
            command, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            for _ in range(600):
                if (project.root / "submitted").exists():
                    lines = (project.root / "submitted").read_text().split("\n")[:-1]  # those that are whole
                if len(lines) >= count or running.poll() is not None:
                    break
                time.sleep(0.1)
            running.send_signal(signal.SIGKILL)
            text = running.communicate()[0]
        assert len(lines) >= count, text
        return [
            (re.search(r"--comment (\S+)", line)[1], *map(int, re.search(r"-t (\d+) --mem (\d+)", line).groups()))
            for line in lines
        ]

    return start


def test_a_cluster_is_asked_for_memory_and_time_that_grow_with_n(tmp_path, submitted):
    runs = "  a: {model: {hidden: [64]}}\n  b: {model: {hidden: [512]}}\n  c: {}\n"
    text = re.sub(r"  a: {}\n  b: .*\n  c: .*\n", runs, TINY)
    text = text.replace("columns_per_job: 96", "columns_per_job: 2432\n  may_not_fit: true")  # onto this machine's disk
    project, made = Project.create(tmp_path / "project", text), Plan(parse(tree_of(text), Path()))
    blocks = [each for run in "ab" for each in made.blocks(key(made.recipes[run]["jacobian"]))]
    write(project.root, dict.fromkeys([*made.all_files("data", "train"), *blocks], ""))  # what comes before the SVDs
    jobs = submitted(
        project, 3, "--default-resources", "slurm_partition=some", "--set-resources", "columns:mem_mb=4321"
    )
    asked = {}
    for run, size in {"a": 4810, "b": 38410}.items():  # gathering, SVD and spectrum of a run are one job
        matrix, need = 8 * size**2 / 10**6, Needs(made.params, made.params.runs[run])
        asked[run] = -(-need.memory["svd"] // 10**8) * 100 + 300
        assert 7 * matrix < asked[run] < 8 * matrix + 600
        assert need.memory["jacobian"] / 10**6 < asked[run]
    limits = {memory: minutes for name, minutes, memory in jobs if name == "rule_svd_jacobian_svd"}
    assert limits.keys() == set(asked.values())
    assert limits[asked["a"]] == 120
    assert 900 < limits[asked["b"]] < 1300
    assert [job[2] for job in jobs if "columns" in job[0]] == [4321]  # whoever knows better is heard


def test_jobs_side_by_side_share_the_memory_of_the_machine(finished):
    logs = [log.read_text() for log in (finished.root / ".snakemake/log").glob("*.log")]
    provided = [int(each) for log in logs for each in re.findall(r"Provided resources: .*mem_mb\D*(\d+)", log)]
    assert provided == [fits.machine_memory()[0] // 10**6] * len(logs)
