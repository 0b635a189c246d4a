"""Progress of long work: on a terminal a line now and then, in a log one line at the end."""

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

CALM = "TRAINING_JACOBIAN_CALM"  # in the environment of jobs whose workflow tells of them (workflow/terminal.py)
LOGS: list[Path] = []  # of this process, where that is so: it holds the last line, in place of a terminal


def clock(seconds: float) -> str:
    """As on a stopwatch: 0:07, 12:30, 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress:
    """Counts units of work; whole lines, because several jobs share one terminal."""

    FIRST, GROWTH = 5.0, 1.1  # seconds to the first line; the next comes when the elapsed time has grown by this factor

    def __init__(self, what: str, total: int, unit: str, stream: TextIO | None = None) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.stream = stream or sys.stderr
        self.done, self.start, self.next = 0, time.monotonic(), self.FIRST

    def advance(self, count: int) -> None:
        """`count` more units are done."""
        self.done += count
        elapsed = time.monotonic() - self.start
        if self.done == self.total:
            self._say(f"{self._rate(elapsed)}, took {clock(elapsed)}")
        elif elapsed >= self.next and (LOGS or self.stream.isatty()):
            left = elapsed / self.done * (self.total - self.done)
            self._say(f"{self._rate(elapsed)}, {clock(left)} left")
            self.next = max(elapsed + self.FIRST, elapsed * self.GROWTH)

    def _rate(self, elapsed: float) -> str:
        return f"{self.done / max(elapsed, 1e-9):.1f} {self.unit}/s"

    def _say(self, text: str) -> None:
        line = f"{self.what}: {self.done}/{self.total} {self.unit}, {text}"
        for log in LOGS:
            with suppress(OSError):  # the disk may be full
                log.write_text(f"{line}\n", encoding="utf-8")
        if not LOGS:
            print(line, file=self.stream, flush=True)
