"""Kills at random moments, damaged artifacts, two workflows at once, a full disk."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import yaml

from conftest import HANGS, SMOKE, Project
from training_jacobian.artifacts.address import home
from training_jacobian.workflow import catalog

pytestmark = pytest.mark.engines

ROUNDS = 2
TRIES = 10  # to kill a job before it ends
VICTIMS = ("columns", "columns", "jacobian", "svd", "snakemake") * 2  # of each round
EARLY = ("data/", "train/", "jacobian/", "svd/")  # what `all_svd` makes
LIFE = {"columns": 1.5, "jacobian": 0.5, "svd": 0.9, "snakemake": 5}  # seconds, about


def start(project, target):
    """Snakemake; what it prints goes into snakemake.log."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", target]
    with (project.root / "snakemake.log").open("w") as log:  # a pipe that nobody reads would stop it when full
        return subprocess.Popen(command, cwd=project.root, env=project.environment, stdout=log, stderr=log)


def wait_until(condition):
    """Wait until a condition holds."""
    deadline = time.time() + HANGS
    while not condition():
        assert time.time() < deadline
        time.sleep(0.05)  # a look at all processes costs 5 ms


def kill(project, victim, chance):
    """Kill a job of a stage, or Snakemake, at a random moment of its life.  False if all ended before that."""
    with start(project, "all_svd") as running:
        jobs = lambda: [running.pid] if victim == "snakemake" else project.running(victim)
        seen: set[int] = set()
        try:
            while running.poll() is None:
                wait_until(lambda: running.poll() is not None or set(jobs()) - seen)
                time.sleep(chance.uniform(0, LIFE[victim]))
                if running.poll() is None and (found := set(jobs()) - seen):
                    seen.update(found)
                    with suppress(ProcessLookupError):
                        os.kill(min(found), signal.SIGKILL)
        finally:
            running.kill()
    wait_until(lambda: not project.running())  # orphans of a killed Snakemake
    if victim == "snakemake" and running.returncode == -signal.SIGKILL:
        assert project.run("--unlock", cores=None).returncode == 0  # the documented command
        return True
    if "died with <Signals.SIGKILL: 9>" in (project.root / "snakemake.log").read_text():
        assert running.returncode == 1
        return True
    for stage in ("jacobian", "svd"):  # or nothing may be left to kill
        shutil.rmtree(project.root / home(stage), ignore_errors=True)
    return False


def up_to_the_svd(project):
    """What `all_svd` makes of a finished project."""
    return {name: whole for name, whole in project.contents().items() if name.startswith(EARLY)}


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_kills_at_random_moments(smoke, tmp_path, turn):
    """Of blocks, of the gather, of the SVD, of Snakemake: the same command always completes, with the same bytes."""
    chance = random.Random(turn)
    project = Project.create(tmp_path / "project", SMOKE)
    for victim in VICTIMS:
        assert any(kill(project, victim, chance) for _ in range(TRIES))
    assert project.run("all_svd").returncode == 0
    command = [sys.executable, "-m", "training_jacobian", "gc", "--yes"]  # blocks, where Snakemake was killed
    subprocess.run(command, cwd=project.root, env=project.environment, check=True)
    found = {name: found for name, found in project.contents().items() if ".partial" not in name}
    assert found == up_to_the_svd(smoke)


# a stage, one that reads its files, and what asks for that
READERS = {
    "data": ("train", "all_train"),
    "train": ("jacobian", "all_jacobian"),
    "jacobian": ("svd", "all_svd"),
    "svd": ("perturbation", "all_analyses"),
    "figures": ("figs", "results/figs/all"),
}
PLOTS = yaml.safe_load(SMOKE)["figures"]["plots"]
SHOWN = sorted({catalog.shown(plot["kind"]) for plot in PLOTS.values()})  # all analyses that have a figure
DAMAGES = ("truncated", "flipped")


def harm(project, stage, damage):
    """Damage what a stage made; the damaged files."""
    names = catalog.files(stage) if stage in catalog.ORDER else ["divergence.png"]
    harmed = [path for name in names for path in project.root.glob(f"{home(stage)}/*/{name}")]
    assert harmed
    for path in harmed:
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        path.write_bytes(content[:middle] if damage == "truncated" else flipped)
    return harmed


def told(text, harmed):
    """That one of these files is damaged, and the remedy."""
    names = "|".join(re.escape(f"{path.parent.name}/{path.name}") for path in harmed)
    remedy = r"damaged.*?; delete results/.*? and run the same command again"
    return re.search(rf"({names}): [^;]*{remedy}", " ".join(text.split()))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("stage", READERS)
def test_damage_is_caught_before_use(smoke, tmp_path, stage, damage):
    project = smoke.copy(tmp_path / "project")
    reader, target = READERS[stage]
    shutil.rmtree(project.root / ("results/figs" if reader == "figs" else home(reader)))
    harmed = harm(project, stage, damage)
    done = project.run(target)
    assert done.returncode != 0
    assert told(done.stdout + done.stderr, harmed)


def figure_of(project, stage):
    """A table in results/figures that shows what a stage found."""
    name = next(name for name, plot in PLOTS.items() if catalog.shown(plot["kind"]) == stage)
    (found,) = project.root.glob(f"results/figures/*/{name}.csv")
    return str(found.relative_to(project.root))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_caught_by_what_shows_it(smoke, tmp_path, damage):
    assert {*SHOWN, "agreement"} == set(catalog.ANALYSES)  # which stands in the table of runs
    project = smoke.copy(tmp_path / "project")
    figures = [figure_of(project, stage) for stage in SHOWN]
    shutil.rmtree(project.root / home("figures"))
    harmed = {stage: harm(project, stage, damage) for stage in SHOWN}
    done = project.run("--keep-going", *figures)
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert {stage for stage in SHOWN if not told(text, harmed[stage])} == set()
    assert not told(text, [path.with_name(f"another-{path.name}") for path in harmed["spectrum"]])  # negative control
    assert not list(project.root.glob(f"{home('figures')}/*/*.csv"))


def test_two_workflows_at_once(finished, tmp_path):
    project = Project.create(tmp_path / "project")
    with start(project, "all_svd") as running:
        try:
            wait_until(project.running)
            second = project.run("all_svd")
            assert running.wait(HANGS) == 0
        finally:
            running.kill()
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr
    assert project.contents() == up_to_the_svd(finished)


def test_full_disk(tmp_path):
    project = Project.create(tmp_path / "project", SMOKE)
    results = project.root / "results"
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(results)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("FULL DISK NOT TESTED: mounting a small tmpfs needs root")
    try:
        refused = project.run("results/figs/all")
        assert refused.returncode != 0
        assert "compute: {may_not_fit: true}" in refused.stdout + refused.stderr
        assert not project.contents()
        params = yaml.safe_load(SMOKE)
        params.setdefault("compute", {})["may_not_fit"] = True
        (project.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        done = project.run("results/figs/all")
        assert done.returncode != 0
        assert "no space left on device, nothing was written; make room" in done.stdout + done.stderr
        command = [sys.executable, "-m", "training_jacobian", "verify"]
        verified = subprocess.run(
            command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
        )
        assert "damaged" not in verified.stdout  # what has its final name is whole
        assert "foreign" not in verified.stdout
    finally:
        subprocess.run(["umount", str(results)], check=True)
