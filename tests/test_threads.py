"""A held process has as many XLA threads as it was given, and may run on every core afterwards."""

import os
import subprocess
import sys

import pytest

from training_jacobian import job
from training_jacobian.jobs import compiled, threads
from training_jacobian.jobs.surroundings import LET_THROUGH, THREADS

PROGRAM = """
import os, sys
from contextlib import suppress
from pathlib import Path
from training_jacobian.jobs.threads import hold
from training_jacobian.jobs.surroundings import THREADS
allowed, held = os.sched_getaffinity(0), None
if sys.argv[2:]:
    def refused(*_): raise PermissionError(1, "not permitted")
    os.sched_setaffinity = refused
if int(sys.argv[1]):
    held = hold(int(sys.argv[1]), xla=True)
import jax
jax.devices()
names, free = [], True
for thread in Path("/proc/self/task").iterdir():
    with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
        names.append((thread / "comm").read_text())
        free &= os.sched_getaffinity(int(thread.name)) == allowed
print(sum("XLAEigen" in name for name in names), free, *{os.environ.get(name) for name in THREADS}, held)
"""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else 1


def workers(threads, *refused):
    """Number of XLA's threads, whether all may run everywhere, what the BLAS variables say, what was held."""
    command = [sys.executable, "-c", PROGRAM, str(threads), *refused]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has CPU affinity")
@pytest.mark.skipif(CORES < 2, reason="one core: nothing to hold back")
def test_threads_are_held():
    assert workers(1) == ["1", "True", "1", "1"]
    assert int(workers(0)[0]) == CORES > 1  # not held: it takes every core


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has CPU affinity")
def test_what_is_held_is_told():
    """Fewer threads than were asked for, where there are fewer cores; and whether the system refuses."""
    assert workers(1000)[2:] == [str(CORES)] * 2
    assert workers(1, "refused")[3] == "None"


def test_programs_are_kept_by_the_threads_that_are_held(monkeypatch):
    asked = []
    monkeypatch.setattr(threads, "hold", lambda threads, xla: 2)
    monkeypatch.setattr(compiled, "use", asked.append)
    job._prepare(64, jax=True)
    assert asked == [2]


def test_every_library_is_held():
    """A job is not to see what the surroundings say of threads: each name that is let through is set."""
    assert set(THREADS) == {name for name in LET_THROUGH if name.endswith("_THREADS")}
