"""A job's log says where its time went, and the next job finds what it compiled."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from training_jacobian.jobs import compiled

LOG = (
    r"(\w+): ([\d.]+) s, start-up ([\d.]+) s, compilation ([\d.]+) s, threads (\d+), memory ([\d.]+) GiB, "
    r"processors ([\d.]+) s\n"
)

PROGRAM = """
from training_jacobian.jobs.clock import Clock
from training_jacobian.jobs import compiled
from training_jacobian.jobs.threads import hold
clock = Clock()
hold(1, xla=True)
kept = compiled.use(1)
import jax, jax.numpy as jnp
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event.endswith("/cache_hits")))
clock.started()
result = jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x.T))(jnp.arange(6.0).reshape(2, 3))
kept.keep()
print(float(result.sum()), sum(hits) > 0, clock.compilation > 0)
"""


def test_logs_say_where_the_time_went(finished):
    told = {}
    for log in (finished.root / "results/logs").glob("**/*.log"):
        match = re.fullmatch(LOG, log.read_text())
        if log.name != "publish.log":
            assert match, log.read_text()
            seconds, startup, compilation, threads, memory, processors = map(float, match.groups()[1:])
            assert 0 < startup + compilation <= seconds + 0.2  # each is rounded to 0.1
            assert threads >= 1
            assert 0.01 < memory < 4
            assert 0 < processors < (seconds + 0.2) * (os.cpu_count() or 1)
            told.setdefault(match[1], []).append(compilation)
    assert {"data", "train", "columns", "jacobian", "svd", "spectrum", "figure"} <= set(told)
    assert max(told["columns"]) > 0.1
    assert max(told["svd"]) == 0  # negative control: it compiles nothing


@pytest.mark.engines
def test_compiled_programs_are_found_again(tmp_path):
    run = lambda: subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    result, hit, compiled = run()
    assert (hit, compiled) == ("False", "True")
    assert run() == [result, "True", "True"]
    (folder,) = (tmp_path / "results/.compiled").iterdir()
    kept = {each.name: each.read_bytes() for each in folder.iterdir()}
    for name, content in kept.items():  # a bit that flipped: JAX would run that
        (folder / name).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    assert run() == [result, "False", "True"]
    assert {each.name.partition("-")[2] for each in folder.iterdir()} == {name.partition("-")[2] for name in kept}
    assert run() == [result, "True", "True"]  # replaced


UNCHECKED = """
import sys, jax
from training_jacobian.jobs import compiled
def refused(*_, **__): raise PermissionError(13, "Permission denied")
compiled.tempfile.mkdtemp = refused
first = compiled.use(1), jax.config.jax_compilation_cache_dir
compiled.processor = lambda: None
jax.config.update("jax_compilation_cache_dir", "unchecked")
print(*first, compiled.use(1), jax.config.jax_compilation_cache_dir, compiled.use(None))
"""


def test_a_folder_that_cannot_be_checked_is_not_used(tmp_path):
    """No processor that is known, or no folder of the process's own: JAX would take the one of its environment."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", UNCHECKED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"] * 5


def test_folders_that_go_away_meanwhile(tmp_path, monkeypatch):
    """A job ends between the look into a folder and that at what lies there."""
    for name in (f"{compiled.OWN}1", f"{compiled.OWN}2", "cpu-1"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / f"{compiled.OWN}2", (0, 0))
    real = Path.stat

    def gone(self, **options):
        if self.name == f"{compiled.OWN}1":
            raise FileNotFoundError(2, "No such file or directory", str(self))
        return real(self, **options)

    monkeypatch.setattr(Path, "stat", gone)
    assert list(compiled.waste(tmp_path)) == [tmp_path / f"{compiled.OWN}2"]


def test_what_a_killed_job_leaves_is_waste(tmp_path):
    whole = compiled.Compiled(tmp_path / "cpu-1")
    (whole.path / "jit_f-cache").write_bytes(b"program")
    whole.keep()
    (entry,) = (tmp_path / "cpu-1").iterdir()
    killed = compiled.Compiled(tmp_path / "cpu-1")
    assert [(each.name, each.read_bytes()) for each in killed.path.iterdir()] == [("jit_f-cache", b"program")]
    assert list(compiled.waste(tmp_path)) == []  # it may be alive
    os.utime(killed.path, (0, 0))
    entry.write_bytes(b"programm")
    assert list(compiled.waste(tmp_path)) == [entry, killed.path]


def test_a_text_is_made_once_and_a_damaged_one_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    texts = iter(["first\r\n", "second", "third", "fourth", "fifth"])

    def made(name):
        return compiled.text(name, lambda: next(texts))

    assert [made("a-1"), made("a-1"), made("a-2"), made("a-1")] == ["first\r\n", "first\r\n", "second", "first\r\n"]
    (kept,) = tmp_path.glob("*/*-a-1-cache")
    kept.write_text("firsT")
    assert list(compiled.waste(tmp_path)) == [kept]
    assert [made("a-1"), made("a-1")] == ["third", "third"]
    assert list(compiled.waste(tmp_path)) == []
    shutil.rmtree(tmp_path / "texts")
    (tmp_path / "texts").write_text("a file is in the way")
    assert [made("a-1"), made("a-1")] == ["fourth", "fifth"]
