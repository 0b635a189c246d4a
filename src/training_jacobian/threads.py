"""Hold a process to its number of threads: JAX and BLAS otherwise take every core in every process."""

import os
from contextlib import suppress
from pathlib import Path

_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def hold(threads: int, xla: bool) -> None:
    """Hold BLAS, and XLA if it is used, to `threads` threads.  Call before numpy and jax are imported.

    XLA sizes its pool by the cores the process may run on when it starts.  They are given back right after that: the
    operating system decides where the threads run, and jobs side by side need not agree on cores.
    """
    if not hasattr(os, "sched_setaffinity"):  # only Linux has it; elsewhere BLAS is held, XLA is not
        os.environ.update(dict.fromkeys(_BLAS, str(threads)))
        return
    allowed = os.sched_getaffinity(0)
    threads = min(threads, len(allowed))  # --cores may promise more than there are
    os.environ.update(dict.fromkeys(_BLAS, str(threads)))
    if not xla:
        return
    import jax

    os.sched_setaffinity(0, sorted(allowed)[:threads])
    try:
        jax.devices()  # starts the pool
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # ended meanwhile
                os.sched_setaffinity(int(thread.name), allowed)
