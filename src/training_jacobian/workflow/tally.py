"""What a workflow in progress has done and has left: jobs by stage, time by stage, time that is left."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Job = tuple[str, str]  # rule, and key of the artifact; no key where a rule has none
GUESS = 3.0  # seconds of a job that nobody has estimated, such as one that draws a figure


@dataclass(frozen=True)
class Started:
    """A job, since when it runs, also by the calendar, and its log and outputs."""

    job: Job
    since: float
    at: float
    log: str = ""
    outputs: tuple[str, ...] = ()


class Tally:
    """Of `planned` jobs.  `expected`: seconds of jobs, as far as somebody has estimated them."""

    def __init__(
        self, planned: Iterable[Job], expected: Mapping[Job, float], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.left = Counter(planned)
        self.total, self.expected, self.now = self.left.total(), expected, now
        self.began, self.running = now(), dict[int, Started]()
        self.failed: set[int] = set()
        self.done: Counter[Job] = Counter()
        self.made: list[Path] = []  # outputs of what is done
        self.taken: dict[str, float] = {}  # seconds, by rule
        self._estimated = 0.0  # of what is done

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self.now() - self.began

    def start(self, number: int, job: Job, log: str = "", outputs: Iterable[str] = ()) -> None:
        """A job begins, `number` being Snakemake's; again, where it is tried once more."""
        self.failed.discard(number)
        self.running[number] = Started(job, self.now(), time.time(), log, tuple(outputs))

    def finish(self, number: int) -> str | None:
        """A job has ended well; its rule, if that was the last one of it."""
        if (started := self.running.pop(number, None)) is None:
            return None
        job, (rule, _) = started.job, started.job
        self.left[job] -= 1
        self.done[job] += 1
        self.made += map(Path, started.outputs)
        self.taken[rule] = self.taken.get(rule, 0) + self.now() - started.since
        self._estimated += self._guess(job)
        return None if any(count > 0 for (other, _), count in self.left.items() if other == rule) else rule

    def fail(self, number: int) -> Started | None:
        """A job has ended badly; what it was."""
        self.failed.add(number)
        return self.running.pop(number, None)

    def of(self, rule: str) -> Counter[Job]:
        """Jobs of a rule that are done."""
        return Counter({job: count for job, count in self.done.items() if job[0] == rule})

    def _guess(self, job: Job) -> float:
        return max(self.expected.get(job, 0), GUESS)

    def remaining(self) -> float | None:
        """Seconds that are left, about; None before anything is done.

        From the estimates, times what they were off by up to now, over as many jobs side by side as there were.
        """
        if not self._estimated or not self.elapsed:
            return None
        worked = sum(self.taken.values())
        ran = {number: self.now() - started.since for number, started in self.running.items()}
        off = worked / self._estimated
        begun = sum(min(ran[number], off * self._guess(each.job)) for number, each in self.running.items())
        left = off * sum(self._guess(job) * count for job, count in self.left.items() if count > 0)
        beside = max(1.0, (worked + sum(ran.values())) / self.elapsed)
        return max(0.0, left - begun) / beside
