"""Only what is affected: exact job sets of dry runs; killed jobs; same bytes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import HANGS, Project

PUBLISH_ONLY = {"publish": 1, "all": 1}
PUBLISH = {"report": 1, **PUBLISH_ONLY}
RUN = {"train": 1, "columns": 2, "jacobian": 1, "svd": 1, "agreement": 1, "spectrum": 1}
RUN_AND_FIGURES = {**RUN, "figure": 1, "runs": 1, **PUBLISH}
ALL_FROM_TRAIN = {
    "train": 3,
    "columns": 6,
    "jacobian": 3,
    "svd": 3,
    "agreement": 3,
    "spectrum": 3,
    "figure": 3,
    "runs": 1,
    **PUBLISH,
}
STEP = "return State(optax.apply_updates(state.theta, updates), memory)"

# what is edited: (file, old, new, jobs)
EDITS = {
    "nothing": ("params.yaml", "runs:", "runs:", {}),
    "threshold": ("params.yaml", "[1e-1, 1e-10]", "[1e-1, 1e-9]", {"spectrum": 3, "figure": 3, "runs": 1, **PUBLISH}),
    "learning rate of one run": ("params.yaml", "{seed: 1}}", "{seed: 1}, training: {optimizer: {learning_rate: 0.2}}}", RUN_AND_FIGURES),
    "run added": ("params.yaml", "  a: {}", "  a: {}\n  d: {initial: {seed: 2}}", RUN_AND_FIGURES),
    "run renamed": ("params.yaml", "  c: {tr", "  e: {tr", {"figure": 1, "runs": 1, **PUBLISH}),
    "second run with equal parameters": ("params.yaml", "  a: {}", "  a: {}\n  d: {}", {"figure": 1, "runs": 1, **PUBLISH}),
    "run removed": ("params.yaml", "  c: {training: {dtype: float32}}", "", {"figure": 1, "runs": 1, **PUBLISH}),
    "figure style": ("params.yaml", "font_size: 8", "font_size: 9", {"figure": 3, **PUBLISH}),
    "one figure": ("params.yaml", "uv_cosine, runs: [a]", "uv_cosine, runs: [b]", {"figure": 1, **PUBLISH}),
    "number of jobs": ("params.yaml", "columns_per_job: 96", "columns_per_job: 32", {}),
    "split of the data": ("params.yaml", "split_seed: 0", "split_seed: 1", {"data": 1, **ALL_FROM_TRAIN}),
    "comment in params": ("params.yaml", "runs:", "# a comment\nruns:", {}),
    "comment in the code": ("src/training_jacobian/learning/training.py", STEP, f"{STEP}  # a comment", {}),
    "docstring in the code": ("src/training_jacobian/learning/training.py", '"""One optimizer step', '"""A step', {}),
    "line of the step function": ("src/training_jacobian/learning/training.py", STEP, STEP.replace("updates)", "optax.tree.scale(2, updates))"), ALL_FROM_TRAIN),
    "line of the figures": ("src/training_jacobian/figures/frame.py", "frameon=False", "frameon=True", {"figure": 3, **PUBLISH}),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_only_what_is_affected(project, what):
    file, old, new, jobs = EDITS[what]
    project.edit(old, new, file)
    assert project.jobs() == Counter(jobs)


def test_a_stamp_that_cannot_be_written_is_told_in_a_line(project):
    (project.root / "results/.published").unlink()
    (project.root / "results/.published").mkdir()
    (project.root / "results/figs/all").unlink()
    done = project.run("-n")
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "results/.published: cannot be written: Is a directory; a folder is where a file belongs" in told
    assert "Traceback" not in told
    assert "oserrors.py" not in told


def test_jobs_are_those_of_the_edited_run(project):
    project.edit("{seed: 1}}", "{seed: 1}, training: {optimizer: {learning_rate: 0.2}}}")
    planned = project.planned_keys()
    for rule, stage in {"train": "train", "columns": "jacobian", "svd": "svd", "spectrum": "spectrum"}.items():
        assert planned[rule] == {project.key("b", stage)}
    assert project.key("b", "train") != project.key("a", "train")


def test_modification_times_and_metadata_do_not_matter(project):
    shutil.rmtree(project.root / ".snakemake")
    files = [path for path in (project.root / "results").rglob("*") if path.is_file()]
    for path in files:
        when = time.time() + random.Random(str(path)).uniform(-1e6, 1e6)
        os.utime(path, (when, when))
    assert project.jobs() == Counter()
    project.edit("{seed: 1}}", "{seed: 3}}")  # a change after that is still seen
    assert project.jobs() == Counter(RUN_AND_FIGURES)


def test_published_files_are_put_right(project):
    """Deleted, or edited by hand: published again, nothing computed; a person's own file is left alone."""
    (project.root / "results/figs/notes").mkdir()
    (project.root / "results/figs/notes/mine.md").write_text("mine")
    for published in ("results/figs/bird.pdf", "results/report.html"):
        (project.root / published).unlink()
    assert project.jobs() == Counter(PUBLISH_ONLY)
    project.compute()
    assert project.jobs() == Counter()
    (project.root / "results/figs/bird.png").write_bytes(b"edited")
    assert project.jobs() == Counter(PUBLISH_ONLY)
    (project.root / "results/figs/all").write_bytes(b"not\na\n../../params.yaml manifest \xff\n")
    assert project.jobs() == Counter(PUBLISH_ONLY)
    project.edit("    uv_cosine: {kind: uv_cosine, runs: [a]}\n", "")
    project.compute()
    figures = {path.name for path in (project.root / "results/figs").iterdir()}
    drawn = {f"{name}.{suffix}" for name in ("bird", "spectrum") for suffix in ("csv", "pdf", "png")}
    assert figures == {"all", "runs.csv", "runs.json", "notes", *drawn}
    assert project.jobs() == Counter()


@pytest.mark.engines
def test_switched_back_and_killed_and_same_bytes(finished, tmp_path):
    """A second project, computed from nothing with a block killed in the middle, has the same bytes as the first."""
    project = Project.create(tmp_path / "project")
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    running = subprocess.Popen(
        command, cwd=project.root, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    victim = wait_for_block(project)
    os.kill(victim, signal.SIGKILL)
    output, _ = running.communicate(timeout=HANGS)
    assert running.returncode != 0, output
    assert not list(project.root.glob("results/svd/*/svd.h5"))
    left = project.jobs()["columns"]
    assert 0 < left <= 6
    project.compute()  # the same command, no manual step
    assert project.contents() == finished.contents()

    project.edit("{seed: 1}}", "{seed: 5}}")
    project.compute()
    assert project.jobs() == Counter()
    project.edit("{seed: 5}}", "{seed: 1}}")
    assert project.jobs() == Counter(PUBLISH_ONLY)  # switched back: nothing is computed
    project.compute()
    published = {name: content for name, content in project.contents().items() if name.startswith("figs/")}
    assert published == {name: content for name, content in finished.contents().items() if name.startswith("figs/")}


@pytest.mark.parametrize("arguments", [["--unlock"], ["-n"]])
def test_commands_of_the_readme_without_cores(project, arguments):
    done = project.run(*arguments, cores=None)
    assert done.returncode == 0, done.stdout + done.stderr


def wait_for_block(project: Project) -> int:
    """Process id of a running block."""
    for _ in range(6000):
        if found := project.running("columns"):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no block was started")


def test_a_damaged_artifact_stops_the_workflow(project):
    jacobian = next(project.root.glob("results/jacobian/*/jacobian.h5"))
    content = bytearray(jacobian.read_bytes())
    content[-100] ^= 1
    jacobian.write_bytes(content)
    key = jacobian.parent.name
    (run,) = [run for run in "abc" if project.key(run, "jacobian") == key]
    for stage in ("svd", "analyses/spectrum"):
        shutil.rmtree(project.root / f"results/{stage}/{project.key(run, Path(stage).name)}")
    project.edit("font_size: 8", "font_size: 9")
    done = project.run()
    assert done.returncode != 0
    assert f"{key}/jacobian.h5: damaged (SHA-256 differs); delete" in done.stdout + done.stderr


def test_a_typo_stops_before_any_job(project):
    project.edit("epochs: 1", "epoch: 1")
    done = project.run()
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "params.yaml: defaults.training: unknown key 'epoch'; did you mean 'epochs'?" in text
    assert "rule" not in text.replace("rules", "")


def test_config_on_the_command_line_is_refused(project):
    done = project.run("-n", "--config", "epochs=3")
    assert done.returncode != 0
    assert "--config is not read here: edit params.yaml" in done.stdout + done.stderr


def test_another_params_file(project):
    shutil.copy(project.root / "params.yaml", project.root / "other.yaml")
    project.edit("{seed: 1}}", "{seed: 6}}", "other.yaml")
    assert project.jobs() == Counter()
    text = project.run("-n", "--configfile", "other.yaml")
    assert text.returncode == 0
    assert (text.stdout + text.stderr).count("rule train:") == 1


def test_links_for_people(finished):
    link = finished.root / "results/runs/b/svd"
    assert link.resolve() == finished.root / f"results/svd/{finished.key('b', 'svd')}"
    assert (link / "svd.h5").is_file()
    assert (link / "recipe.json").is_file()
