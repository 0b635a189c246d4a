"""Kills at random moments, damaged artifacts, two workflows at once, a full disk."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from conftest import ROOT, Project
from training_jacobian.kinds import KINDS
from training_jacobian.plan import FILES

pytestmark = pytest.mark.engines

ROUNDS = 2
VICTIMS = ("columns", "columns", "jacobian", "svd", "snakemake") * 2  # of each round
LIFE = {"columns": 3, "jacobian": 0.5, "svd": 1.5, "snakemake": 5}  # seconds, about


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("recovery") / "project", (ROOT / "smoke.yaml").read_text())
    project.compute()
    return project


def start(project):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "results/figs/all"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=project.root, env=project.environment, **pipes)


def kill(project, victim, chance):
    """Kill a job of a stage, or Snakemake, at a random moment of its life.  False if it ended before that."""
    with start(project) as running:
        while running.poll() is None and not (found := project.running(*[victim] * (victim != "snakemake"))):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, LIFE[victim]))
        if running.poll() is None:
            try:
                os.kill(running.pid if victim == "snakemake" else found[0], signal.SIGKILL)
            except ProcessLookupError:
                running.terminate()
        text, _ = running.communicate(timeout=120)
    if victim == "snakemake" and running.returncode == -signal.SIGKILL:
        assert project.run("--unlock").returncode == 0  # the documented command
        return True
    if "died with <Signals.SIGKILL: 9>" in text:
        assert running.returncode == 1
        return True
    shutil.rmtree(project.root / "results")  # or nothing may be left to kill
    return False


def test_kills_at_random_moments(smoke, tmp_path):
    """Of blocks, of the gather, of the SVD, of Snakemake: the same command always completes, with the same bytes."""
    chance = random.Random(0)
    for turn in range(ROUNDS):
        project = Project.create(tmp_path / f"project{turn}", (ROOT / "smoke.yaml").read_text())
        for victim in VICTIMS:
            while not kill(project, victim, chance):
                continue
        project.compute()
        deadline = time.time() + 60
        while project.running() and time.time() < deadline:  # orphans of a killed Snakemake
            time.sleep(0.5)
        found = {name: found for name, found in project.contents().items() if ".partial" not in name}
        assert found == smoke.contents()


# a stage, one that reads its files, and what asks for that
READERS = {
    "data": ("train", "all_train"),
    "train": ("jacobian", "all_jacobian"),
    "jacobian": ("svd", "all_svd"),
    "svd": ("perturbation", "all_analysis"),
    "spectrum": ("figures", None),
    "perturbation": ("figures", None),
    "behaviour": ("figures", None),
    "subspace": ("figures", None),
    "pfj": ("figures", None),
    "angles": ("figures", None),
    "figures": ("figs", "results/figs/all"),
}


def figures_of(project, stage):
    """Tables in results/figures that show what a stage found."""
    plots = yaml.safe_load((project.root / "params.yaml").read_text())["figures"]["plots"]
    names = [name for name, plot in plots.items() if KINDS[plot["kind"]].stage == stage]
    found = [path for name in names for path in project.root.glob(f"results/figures/*/{name}.csv")]
    return [str(path.relative_to(project.root)) for path in found]


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
@pytest.mark.parametrize("stage", READERS)
def test_damage_is_caught_before_use(smoke, tmp_path, stage, damage):
    project = smoke.copy(tmp_path / "project")
    reader, target = READERS[stage]
    targets = [target] if target else figures_of(project, stage)
    shutil.rmtree(project.root / "results" / reader)
    harmed = [
        path for name in FILES.get(stage, ["divergence.png"]) for path in project.root.glob(f"results/{stage}/*/{name}")
    ]
    assert harmed
    for path in harmed:
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        path.write_bytes(content[:middle] if damage == "truncated" else flipped)
    done = project.run(*targets)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert any(f"{path.parent.name}/{path.name}: " in text for path in harmed)
    assert "damaged" in text
    assert "; delete results/" in text
    assert "and run the same command again" in text


def test_two_workflows_at_once(smoke, tmp_path):
    project = Project.create(tmp_path / "project", (ROOT / "smoke.yaml").read_text())
    running = start(project)
    while not project.running():
        time.sleep(0.1)
    second = project.run("results/figs/all")
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr
    running.communicate(timeout=300)
    assert running.returncode == 0
    assert project.contents() == smoke.contents()


def test_full_disk(tmp_path):
    project = Project.create(tmp_path / "project", (ROOT / "smoke.yaml").read_text())
    results = project.root / "results"
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(results)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("FULL DISK NOT TESTED: mounting a small tmpfs needs root")
    try:
        done = project.run("results/figs/all")
        assert done.returncode != 0
        text = done.stdout + done.stderr
        assert "no space left on device, nothing was written; make room" in text
        command = [sys.executable, "-m", "training_jacobian", "verify"]
        verified = subprocess.run(
            command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
        )
        assert "damaged" not in verified.stdout  # what has its final name is whole
        assert "foreign" not in verified.stdout
    finally:
        subprocess.run(["umount", str(results)], check=True)
