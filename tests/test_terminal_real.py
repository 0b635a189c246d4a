"""The terminal of real workflows: in a pipe, on a pseudo-terminal, interrupted, with a job that fails."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import HANGS, Project
from training_jacobian.artifacts.address import home

HASH = r"\b[0-9a-f]{12}\b"


def lines_of(done):
    return (done.stdout + done.stderr).splitlines()


def test_a_real_workflow_in_a_pipe(project):
    for stage in ("svd", "spectrum", "figures"):
        shutil.rmtree(project.root / home(stage))
    shutil.rmtree(project.root / "results/figs")
    done = project.run()
    lines = lines_of(done)
    assert done.returncode == 0
    assert not [line for line in lines if re.search(HASH, line)]
    assert any(
        re.fullmatch(r"\[ ?\d+:\d\d\] +\d+/\d+, +\d+:\d\d left  svd of a, b, c: 3 jobs, .*", line) for line in lines
    )
    assert lines[-2:] == ["figures: results/figs/ (3 figures, 4 tables)", "report: results/report.html"]
    assert len(lines) < 20
    log = max((project.root / ".snakemake/log").iterdir())
    assert log.read_text().count("rule svd:") == 3  # Snakemake's own has everything
    assert lines_of(project.run())[-1] == lines[-1]  # also where nothing is to be done


@pytest.mark.parametrize("option", ["--printshellcmds", "--dry-run", "--verbose"])
def test_who_asks_for_more_gets_snakemakes_own(project, option):
    shutil.rmtree(project.root / "results/figs")
    assert [line for line in lines_of(project.run(option)) if re.search(HASH, line)]


def test_a_real_failure(project):
    (project.root / "results/runs/a/train/train.h5").write_text("wrong")
    shutil.rmtree((project.root / "results/runs/a/jacobian").resolve())
    done = project.run("--keep-going", "all_jacobian")
    lines = lines_of(done)
    assert done.returncode == 1
    assert lines[-1].startswith("2 jobs failed; 0 of 4 jobs are done and kept; ")
    for line in lines[-3:-1]:
        assert re.fullmatch(
            r"failed: run a, stage jacobian \(columns\): \S+/train\.h5: damaged \(SHA-256 differs\); delete \S+ and "
            r"run the same command again; log: results/logs/jacobian/\S+\.log",
            line,
        )
    assert not [line for line in lines if line.startswith(("Traceback", "RuleException", "Error in rule", "Command"))]


def on_a_terminal(project, *words, until=None):
    """What Snakemake shows on a pseudo-terminal, and its status; once a pattern is seen all its processes are
    interrupted, and only what is shown after that is told.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words]
    streams, environment = (
        dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        {**project.environment, "TERM": "xterm"},
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # under nohup or & it is ignored, here as there
    running = subprocess.Popen(command, cwd=project.root, env=environment, start_new_session=True, **streams)
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    text, deadline = "", time.time() + HANGS
    while time.time() < deadline:
        if select.select([ours], [], [], 1)[0]:
            try:
                text += os.read(ours, 2**16).decode()
            except OSError:  # it has ended
                break
        if until and re.search(until, text):
            os.killpg(running.pid, signal.SIGINT)
            text, until = "", None
    else:
        os.killpg(running.pid, signal.SIGKILL)
    os.close(ours)
    return text, running.wait(HANGS)


@pytest.mark.engines
def test_interrupted_it_says_so_in_a_line_and_goes_on(finished, tmp_path):
    # where a thread still ends, Snakemake prints a traceback after our line: 1 in 20 on a machine that is too busy
    for attempt in range(3):
        project = Project.create(tmp_path / f"project-{attempt}")
        text, status = on_a_terminal(project, "all_svd", until=r"\d+ left  \d.*(train|columns|svd) of")
        if "Cannot close a running event loop" not in text:
            break
    assert status == 1
    answer = text.rpartition("\r\x1b[K")[2].strip()  # what stood in place is gone
    found = re.fullmatch(r"interrupted: (\d+) of (\d+) jobs are done and kept; the same command goes on", answer)
    assert found, text
    kept, planned = map(int, found.groups())
    text, status = on_a_terminal(project, "all_svd")
    assert status == 0
    # fewer, where a job that was running has ended well all the same
    assert 0 < int(re.search(r"(\d+) jobs done in", text)[1]) <= planned - kept < planned
    made = finished.contents()
    early = {name: sha for name, sha in made.items() if name.startswith(("data/", "train/", "jacobian/", "svd/"))}
    assert {name: sha for name, sha in project.contents().items() if ".partial" not in name} == early


def test_smoke_is_at_most_sixty_lines(smoke):
    told = (smoke.root.parent / f"{smoke.root.name}.txt").read_text().splitlines()
    assert len(told) <= 60
    assert re.search(r"\d+ jobs done in \d", "\n".join(told))  # it is of the whole run
