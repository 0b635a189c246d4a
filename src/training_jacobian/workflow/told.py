"""What is said of a workflow in progress: by run and stage, in few words."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from training_jacobian.artifacts.oserrors import AGAIN
from training_jacobian.jobs.troubles import TOLD
from training_jacobian.progress import clock
from training_jacobian.workflow import catalog
from training_jacobian.workflow.costs import duration
from training_jacobian.workflow.tally import Job, Started, Tally

Owners = dict[str, list[str]]  # by key: the runs whose artifact it is, or the figure
OF_RUNS = ("data", "train", "columns", *[stage for stage in catalog.ORDER if stage not in ("data", "train")])
GLUE = "\0"  # between words that stay on one line
MOST = 8  # lines that say what runs need
SKEW = 5  # seconds that the clock of a file system may be behind: an older log is of an earlier try


def owners(plans: Iterable[Any]) -> Owners:
    """Of several plans; what they share is of the first."""
    found: Owners = {}
    for plan in plans:
        found |= {name: some for name, some in plan.whose().items() if name not in found}
    return found


def listed(some: list[str]) -> str:
    """The first two, and how many more."""
    return ", ".join(some if len(some) < 4 else some[:2]) + (f" + {len(some) - 2} more" if len(some) > 3 else "")


def together(keys: Iterable[str], whose: Owners) -> list[str]:
    """All whose these are, in the order of the plan."""
    some = {name for each in keys for name in whose.get(each, [])}
    return [name for name in dict.fromkeys(name for names in whose.values() for name in names) if name in some]


def many(count: int, what: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def stage_of(rule: str) -> str:
    """What a rule does."""
    return rule.split("_")[0] if rule.startswith(("publish_", "all_")) else rule


def named(rule: str, keys: Iterable[str], whose: Owners) -> str:
    """A job, or all jobs of a rule, by stage and whose they are."""
    stage, names = stage_of(rule), together(keys, whose)
    if not names or names == [rule]:
        return stage
    return f"{stage}{' of' if rule in OF_RUNS else 's' if len(names) > 1 else ''} {listed(names)}"


def planned(jobs: list[Job], whose: Owners, cores: int | None) -> list[str]:
    """Lines: how many jobs, and which stages of which runs."""
    of_runs = {run: set[str]() for run in together((name for rule, name in jobs if rule in OF_RUNS), whose)}
    for rule, name in jobs:
        for run in whose.get(name, []) if rule in OF_RUNS else []:
            of_runs[run].add(rule)
    others = sum(rule not in OF_RUNS for rule, _ in jobs)
    alike: dict[tuple[str, ...], list[str]] = {}
    for run, stages in of_runs.items():
        alike.setdefault(tuple(sorted(stages, key=OF_RUNS.index)), []).append(run)
    where = f" on {many(cores, 'core')}" if cores else ""
    what = f": {len(jobs) - others} of {many(len(of_runs), 'run')}, {others} for figures and tables" if of_runs else ""
    lines = [f"{many(len(jobs), 'job')}{where}{what}"]
    lines += [f"  {listed(runs)}: {', '.join(stages)}" for stages, runs in list(alike.items())[:MOST]]
    rest = sum(map(len, list(alike.values())[MOST:]))
    return [*lines, *([f"  and {many(rest, 'run')} more"] if rest else [])]


def stage_done(rule: str, tally: Tally, whose: Owners) -> str:
    """All jobs of a rule."""
    jobs = tally.of(rule)
    count = f"{jobs.total()} jobs, " if jobs.total() > 1 else ""
    return f"{named(rule, [each for _, each in jobs], whose)}: {count}{duration(tally.taken[rule])}"


def where(tally: Tally) -> str:
    """How long it has taken, how much is done, and how long the rest will take, about."""
    left = tally.remaining()
    done = f"[{clock(tally.elapsed):>5}] {tally.done.total():>{len(str(tally.total))}}/{tally.total}"
    return done if left is None else f"{done}, {clock(left):>5} left"


def ahead(tally: Tally, whose: Owners) -> str:
    """Rate, and what runs."""
    rate = [f"{60 * tally.done.total() / max(tally.elapsed, 1e-9):.2g} jobs/min"] if tally.done else []
    running = sorted(tally.running.values(), key=lambda each: each.since)
    parts = [f"{named(each.job[0], [each.job[1]], whose)}{_inside(each.log)}" for each in running]
    return "; ".join([*rate, *parts]) or "starting"


def _inside(log: str) -> str:
    """Where a running job is, if it says so in its log (progress.py)."""
    line = _last(log)
    return f" ({line.partition(': ')[2]})" if " left" in line and "/" in line else ""


def _last(log: str) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (Path(log).read_text(encoding="utf-8").splitlines() or [""])[-1] if log else ""
    return ""


def own_words(started: Started) -> str:
    """What a job says of its failure: run, stage, cause, remedy and log.  Nothing where it was killed before."""
    with suppress(OSError):
        log = started.log
        if log and Path(log).stat().st_mtime > started.at - SKEW and (line := _last(log)).startswith(TOLD):
            return line.removeprefix(TOLD)
    return ""


def failed(started: Started, reason: str, whose: Owners) -> str:
    """The same of any job, `reason` being how its command ended."""
    killed = "; it may be short of memory" if "SIGKILL" in reason else ""
    log = f"; log: {started.log}" if started.log else ""
    told = f"{named(started.job[0], [started.job[1]], whose)}: {reason or 'has ended badly'}{killed}; {AGAIN}{log}"
    return own_words(started) or told


def group_failed(some: list[Started], log: str, whose: Owners) -> str:
    """Jobs that a cluster ran together, and one of them was killed."""
    names = ", ".join(named(each.job[0], [each.job[1]], whose) for each in some)
    return f"{names}: one of them has ended badly; {AGAIN}{f'; log: {log}' if log else ''}"


def by_stage(tally: Tally) -> str:
    """What took how long, the longest first; with GLUE."""
    taken = sorted(tally.taken.items(), key=lambda item: -item[1])
    told = [f"{stage_of(rule)} {duration(seconds)}" for rule, seconds in taken if stage_of(rule) != "all"]
    return ", ".join(each.replace(" ", GLUE) for each in told)


def found(made: list[Path]) -> list[str]:
    """Lines: of some files, where figures were published, and the report on them."""
    folders = [each.parent for each in made if each.name == "all" and each.parts[:2] == ("results", "figs")]
    lines = []
    for folder in folders:
        figures, tables = (len(list(folder.glob(f"*.{kind}"))) for kind in ("png", "csv"))
        lines.append(f"figures: {folder}/ ({many(figures, 'figure')}, {many(tables, 'table')})")
    beside = [folder.parent if folder.name == "figs" else folder for folder in folders]
    reports = [each / "report.html" for each in beside if (each / "report.html").exists()]
    return lines + [f"report: {each}" for each in reports]


def closing(tally: Tally, failed: int, interrupted: bool) -> list[str]:
    """The last lines."""
    done = tally.done.total()
    kept = f"{done} of {many(tally.total, 'job')} are done and kept; the same command goes on"
    if interrupted:
        return [f"interrupted: {kept}"]
    if failed or done < tally.total:
        return [f"{many(failed, 'job')} failed; {kept}" if failed else f"stopped: {kept}"]
    return [f"{many(done, 'job')} done in {clock(tally.elapsed)}; by stage: {by_stage(tally)}", *found(tally.made)]
