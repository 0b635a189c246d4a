"""What a plan costs, for people: time, memory and disk of its jobs, and of all of them together."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from training_jacobian.artifacts.address import ancestors, key
from training_jacobian.jobs.speed import Speed, calibrate
from training_jacobian.workflow import catalog, times
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.fits import missing, readable
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.plan import Plan

SLOW, FAST = Speed(times.FLOPS, times.FLOPS), Speed(float("inf"), float("inf"))
UNITS = (("s", 60), ("min", 60), ("h", 24), ("days", 365), ("years", float("inf")))


@dataclass(frozen=True)
class Job:
    """`count` jobs that make an artifact together: seconds and bytes of memory of each, bytes of disk of all."""

    name: str
    key: str  # of the artifact
    runs: tuple[str, ...]  # one that has it; all of a group
    count: int
    seconds: float
    threads: int
    memory: int
    disk: int
    missing: bool  # not there yet, and asked for

    @property
    def all(self) -> float:
        """Core seconds of all of them."""
        return self.count * self.seconds * self.threads


def available() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def duration(seconds: float) -> str:
    """Seconds for people, to two digits."""
    for unit, many in UNITS:
        if seconds < 0.995 * many:
            return f"{float(f'{seconds:.2g}'):g} {unit}"
        seconds /= many
    raise AssertionError("unreachable: the last unit has no end")


def jobs(plan: Plan, speed: Speed, cores: int) -> list[Job]:
    """All jobs of a plan but those of figures and tables, each once, whichever runs share it; also what is there."""
    made, absent = [], missing(plan)
    for stage in catalog.ORDER:
        for name in plan.by_key.get(stage, {}):
            runs = plan.runs_of[name]
            needs = Needs(plan.params, plan.params.runs[runs[0]])
            there = not any(stage in absent[run] for run in runs)
            for job in ("columns", "jacobian") if stage == "jacobian" else (stage,):
                made.append(_job(needs, job, name, runs, speed, cores, not there))
    return made


def _job(needs: Needs, job: str, name: str, runs: tuple[str, ...], speed: Speed, cores: int, absent: bool) -> Job:
    """Of the artifact whose key is `name`."""
    threads = times.threads(needs, job, cores)
    count = -(-needs.size // needs.params.compute.columns_per_job) if job == "columns" else 1
    taken = times.seconds(needs, job, threads, speed)
    return Job(job, name, runs, count, taken, threads, needs.memory[job], needs.disk.get(job, 0), absent)


def wall(plan: Plan, some: list[Job], cores: int) -> float:
    """Seconds that jobs take on so many cores: those of all cores together, or of the longest chain of them."""
    of = {(each.key, each.name): -(-each.count // cores) * each.seconds for each in some}
    by_key: dict[str, float] = {}
    for (name, _), taken in of.items():
        by_key[name] = by_key.get(name, 0) + taken
    recipes = {name: made for each in plan.by_key.values() for name, made in each.items()}
    chain = lambda name: sum(by_key.get(key(made), 0) for made in ancestors(recipes[name]).values())
    return max(_all(some) / cores, max(map(chain, by_key), default=0))


def table(some: list[Job]) -> Iterator[str]:
    """Lines of a table of jobs, the longest first."""
    rows = [("", "time", "memory", "disk")]
    for each in sorted(some, key=lambda each: -each.count * each.seconds):
        several = f"{each.count} x " if each.count > 1 else ""
        disk = readable(each.disk) if each.disk else ""
        rows.append((each.name, f"{several}{duration(each.seconds)}", readable(each.memory), disk))
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    for name, *values in rows:
        cells = [f"{value:>{width}}" for value, width in zip(values, others, strict=True)]
        yield "  ".join(["", f"{name:{first}}", *cells]).rstrip()


def report(plan: Plan, speed: Speed, cores: int) -> Iterator[str]:
    """Lines: jobs of each run, runs that need the same together; those of groups; all of them."""
    made = {(each.key, each.name): each for each in jobs(plan, speed, cores)}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, run in plan.params.runs.items():
        keys = {key(recipe) for recipe in plan.recipes[name].values()}
        head = f"{run.size} parameters, {run.steps} steps, {run.training.dtype}"
        rows = table([each for each in made.values() if each.key in keys])
        alike.setdefault((head, *rows), []).append(name)
    for (head, *lines), names in alike.items():
        yield f"{', '.join(names)}: {head}{'; each' if len(names) > 1 else ''}"
        yield from lines
    groups = [each for each in made.values() if each.name in ANALYSES and ANALYSES[each.name].group]
    for name in dict.fromkeys(each.name for each in groups):
        some = [each for each in groups if each.name == name]
        yield f"{name}, of {len(some)} group{'s' if len(some) > 1 else ''} of runs: {duration(some[0].seconds)} each"
    rates = f"{speed.float64 / 1e9:.0f} GFLOP/s in float64, {speed.float32 / 1e9:.0f} in float32"
    yield f"all: {_sum(plan, list(made.values()), cores)}; a thread multiplies matrices at {rates}"
    absent = [each for each in made.values() if each.missing]
    yield f"not there yet: {_sum(plan, absent, cores)}" if absent else "nothing is missing"


def _sum(plan: Plan, some: list[Job], cores: int) -> str:
    disk = sum(each.disk for each in some)
    where = f"{cores} core{'s' if cores > 1 else ''}"
    return f"about {duration(wall(plan, some, cores))} on {where} with nothing else to do, {readable(disk)} of disk"


def announce(plan: Plan, cores: int | None, arguments: list[str]) -> list[Job]:
    """At the start of the workflow: a line on stderr, what all that is missing will take; none where nothing is.

    The jobs that are missing are returned.  No line and no jobs for a dry run, which is not to wait for it.  `cores` as
    Snakemake is told, who may promise more than there are; without, a cluster does it.
    """
    if not any(missing(plan).values()) or any(_dry(each) for each in arguments):
        return []
    with suppress(OSError, subprocess.SubprocessError):  # an estimate is no reason to stop
        here = cores and min(cores, available())
        absent = _absent(plan, SLOW, here)
        # else they hardly do more than start, and to measure takes a second
        if _all(absent) > 1.1 * _all(_absent(plan, FAST, here)):
            absent = _absent(plan, calibrate(here or 1), here)
        print(f"training-jacobian: {announcement(plan, absent, here)}", file=sys.stderr, flush=True)
        return absent
    return []


def _absent(plan: Plan, speed: Speed, cores: int | None) -> list[Job]:
    return [each for each in jobs(plan, speed, cores or 4) if each.missing]


def _all(some: list[Job]) -> float:
    return sum(each.all for each in some)


def _dry(argument: str) -> bool:
    """Whether an argument of Snakemake asks for a dry run: `-n`, alone or with other letters, or in full."""
    return argument in ("--dry-run", "--dryrun") or bool(re.fullmatch("-[a-zA-Z]*n[a-zA-Z]*", argument))


def announcement(plan: Plan, absent: list[Job], cores: int | None) -> str:
    """What of a plan is absent, and will take.  Without `cores` a cluster does it."""
    longest = max(absent, key=lambda each: each.all)
    if cores is None:
        total = f"about {duration(_all(absent))} of one core like this machine's"
        total += f", {readable(sum(each.disk for each in absent))} of disk"
    else:
        total = _sum(plan, absent, cores)
    return f"{plan.name}: what is missing takes {total} (longest: {longest.name} of {' and '.join(longest.runs)})"
