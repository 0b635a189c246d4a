"""A held process has as many XLA threads as it was given, and may run on every core afterwards."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from contextlib import suppress
from pathlib import Path
from training_jacobian.threads import hold
allowed = os.sched_getaffinity(0)
if int(sys.argv[1]):
    hold(int(sys.argv[1]), xla=True)
import jax
jax.devices()
names, free = [], True
for thread in Path("/proc/self/task").iterdir():
    with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
        names.append((thread / "comm").read_text())
        free &= os.sched_getaffinity(int(thread.name)) == allowed
print(sum("XLAEigen" in name for name in names), free, os.environ.get("OPENBLAS_NUM_THREADS"))
"""


def workers(threads):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(threads)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has CPU affinity")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nothing to hold back")
def test_threads_are_held():
    assert workers(1) == ["1", "True", "1"]
    assert int(workers(0)[0]) == len(os.sched_getaffinity(0)) > 1  # not held: it takes every core
