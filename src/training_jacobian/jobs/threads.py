"""Hold a process to its number of threads: JAX and BLAS otherwise take every core in every process."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from training_jacobian.jobs.surroundings import THREADS


def hold(threads: int, xla: bool) -> int | None:
    """Hold BLAS, and XLA if it is used, to `threads` threads.  Call before numpy and jax are imported.

    Returns how many they are, fewer if there are fewer cores; None if XLA cannot be held.

    XLA sizes its pool by the cores the process may run on when it starts.  They are given back right after that: the
    operating system decides where the threads run, and jobs side by side need not agree on cores.  Where the system
    allows no such thing (only Linux has it, and some containers refuse it) BLAS is held and XLA is not.  Raises
    RuntimeError if JAX cannot use the device that the environment asks for.
    """
    can = hasattr(os, "sched_setaffinity")
    allowed = os.sched_getaffinity(0) if can else set(range(os.cpu_count() or 1))
    threads = min(threads, len(allowed))  # --cores may promise more than there are
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    if not xla:
        return threads
    try:
        if can:
            os.sched_setaffinity(0, sorted(allowed)[:threads])
    except OSError as error:
        can = False
        print(
            f"training-jacobian: the system refuses CPU affinity ({error.strerror}): JAX takes all cores",
            file=sys.stderr,
        )
    try:
        _start()
    finally:
        for thread in Path("/proc/self/task").iterdir() if can else ():
            with suppress(OSError):  # ended meanwhile
                os.sched_setaffinity(int(thread.name), allowed)
    return threads if can else None


def _start() -> None:
    """Start XLA and its pool of threads."""
    import jax

    try:
        jax.devices()
    except Exception as error:
        asked = {name: os.environ[name] for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME") if os.environ.get(name)}
        if not asked:
            raise
        told = " and ".join(f"{name} = {value!r}" for name, value in asked.items())
        reason = str(error).strip() or f"{type(error).__name__}: the installed jaxlib has no such device"
        raise RuntimeError(f"{told}: {reason}; unset it, or set it to 'cpu'") from error
