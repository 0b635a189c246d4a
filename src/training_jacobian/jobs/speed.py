"""How fast one thread of this machine multiplies matrices: what estimates of time start from.

Counted in time of the processor, not of the clock, so that what else runs here does not slow it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from training_jacobian.jobs.surroundings import THREADS

SIZE, TRIES = 512, 7  # a tenth of a second on a slow core


class Speed(NamedTuple):
    """Floating-point operations a second of one thread, in products of matrices."""

    float32: float
    float64: float


def measured() -> Speed:
    """Of this process, which must be held to one thread: the best of seven products (512, 512) in each precision."""
    import numpy as np

    def rate(dtype: str) -> float:
        A, taken = np.ones((SIZE, SIZE), dtype), []
        for _ in range(TRIES):
            began = time.process_time()
            A @ A
            taken.append(time.process_time() - began)
        return 2 * SIZE**3 / max(min(taken), 1e-9)

    return Speed(rate("float32"), rate("float64"))


def calibrate() -> Speed:
    """The same, by a process of its own with one thread, in half a second.

    Raises OSError or subprocess.SubprocessError if it cannot be started, or ends badly.
    """
    sources = str(Path(__file__).parents[2])
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": sources}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603
    return Speed(*json.loads(done.stdout))


def main() -> None:
    """Print what is measured, for `calibrate`."""
    print(json.dumps(measured()))
