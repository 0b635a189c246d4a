"""Hold a process to its number of threads: JAX and BLAS otherwise take every core in every process."""

import os
import zlib
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

    _keep_compiled(threads)
    os.sched_setaffinity(0, sorted(allowed)[:threads])
    try:
        jax.devices()  # starts the pool
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # ended meanwhile
                os.sched_setaffinity(int(thread.name), allowed)


def _keep_compiled(threads: int) -> None:
    """Keep compiled programs for the next job: it starts a second earlier.

    In one folder for each number of threads and kind of CPU: XLA compiles for both, and its cache does not ask.
    """
    import jax

    cpu = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0]
    kept = {
        "jax_compilation_cache_dir": f"results/.compiled/{zlib.crc32(cpu.encode()):08x}-{threads}",
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    for name, value in kept.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
