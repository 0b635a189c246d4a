"""How fast one thread of this machine multiplies matrices while others do the same: what estimates of time start from.

Two virtual cores may be one real core: where both are busy, as in a workflow, each is half as fast as alone.  Counted
in time of the processor, not of the clock.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from training_jacobian.jobs.surroundings import THREADS

SIZE = 512  # a product takes 2 to 30 milliseconds
SECONDS = 0.3  # of products in each precision: processes that start at once overlap for most of it
MANY = 16  # processes at once, at most


class Speed(NamedTuple):
    """Floating-point operations a second of one thread, in products of matrices."""

    float32: float
    float64: float


def measured() -> Speed:
    """Of this process, which must be held to one thread: the median of products (512, 512) in each precision."""
    import numpy as np

    def rate(dtype: str) -> float:
        A, end = np.ones((SIZE, SIZE), dtype), time.perf_counter() + SECONDS
        taken: list[float] = []
        while time.perf_counter() < end or len(taken) < 2:
            began = time.process_time()
            A @ A
            taken.append(time.process_time() - began)
        return 2 * SIZE**3 / max(float(np.median(taken)), 1e-9)

    return Speed(rate("float32"), rate("float64"))


def calibrate(together: int = 1) -> Speed:
    """The mean of as many processes at once, of one thread each, in a second.

    Raises OSError or subprocess.SubprocessError if they cannot be started, or end badly.
    """
    sources = str(Path(__file__).parents[2])
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": sources}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
        for _ in range(max(1, min(together, MANY)))
    ]
    try:
        told = [process.communicate(timeout=60)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    for process in started:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return Speed(*(sum(each) / len(each) for each in zip(*map(json.loads, told), strict=True)))


def main() -> None:
    """Print what is measured, for `calibrate`."""
    print(json.dumps(measured()))
