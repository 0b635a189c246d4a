"""Where the time of a job goes: start-up, compilation, the rest; and how much memory and processor time it took."""

import resource
import sys
import time

_COMPILATION = "/jax/core/compile/"  # jax reports tracing, lowering and XLA's own time under names that begin so


class Clock:
    """Started with the process; `started()` when its work begins."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.startup = 0.0
        self.compilation = 0.0

    def started(self) -> None:
        """Everything is imported."""
        self.startup = time.monotonic() - self.began
        if "jax" in sys.modules:
            import jax

            jax.monitoring.register_event_duration_secs_listener(self._event)

    def _event(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event.startswith(_COMPILATION):
            self.compilation += duration_secs

    def report(self, threads: int) -> str:
        """One line, read again by benchmarks/figures.py and needs.py.

        Seconds of processors are those of all threads: less than the time passed where others had the machine.
        """
        seconds = time.monotonic() - self.began
        unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB on Linux
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        processors = time.process_time()
        parts = f"start-up {self.startup:.1f} s, compilation {self.compilation:.1f} s"
        return f"{seconds:.1f} s, {parts}, threads {threads}, memory {memory:.2f} GiB, processors {processors:.1f} s"
