"""Whether what a plan needs (needs.py) fits into the memory and the disk of this machine; else the way out."""

import os
import resource
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from training_jacobian.artifacts.address import Recipe, path
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.params import DenseSvd, PartialSvd
from training_jacobian.workflow.plan import Plan

RESERVED = 15 * 10**8  # bytes of addresses that a job with JAX reserves and never uses: they count for `ulimit -v`
WAYS = {
    "data": "choose a smaller data set",
    "train": "lower training.epochs, or {smaller}",
    "columns": "lower training.batch_size, or {smaller}",
    "jacobian": "lower compute.columns_per_job, or {smaller}",
    **{name: f"{each.smaller}, or {{smaller}}" for name, each in ANALYSES.items() if each.smaller},
}
PARTIAL = "choose `svd: {method: partial}`, which forms no J"
ANYWAY = "Estimates are on the safe side; `compute: {may_not_fit: true}` starts all the same."
# what is deleted again: blocks of a Jacobian, products of an analysis
PASSING = ("columns-*", "products*/*")


class DoesNotFitError(ValueError):
    """What a plan needs and the machine lacks, and the way out, for people."""


def readable(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} EB"


def machine_memory(root: Path = Path("/")) -> tuple[int, str]:
    """Bytes of memory that a process may have here, and what says so.

    The least of the machine's memory, the limits of this process's control groups (those of containers and of Slurm)
    and those of `ulimit -v` and `-d`.  `root` is where /proc and /sys are looked for.
    """
    found = [(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "of memory")]
    found += [(limit, "allowed to this control group") for limit in _control_groups(root)]
    for kind, option in ((resource.RLIMIT_AS, "-v"), (resource.RLIMIT_DATA, "-d")):
        soft = resource.getrlimit(kind)[0]
        if soft != resource.RLIM_INFINITY:
            found.append(
                (max(0, soft - RESERVED), f"left by `ulimit {option}`, beside {readable(RESERVED)} of addresses")
            )
    return min(found)


def _control_groups(root: Path) -> Iterator[int]:
    """Limits of the groups of this process and of those around them, of both versions of Linux's control groups."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top, file = ("memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")
            for folder in [group, *map(str, Path(group).parents)]:
                with suppress(OSError, ValueError):  # no such folder in this container; `max`
                    yield int((root / "sys/fs/cgroup" / top / folder.strip("/") / file).read_text())


def free_disk(folder: Path = Path("results")) -> int:
    """Bytes that are free where `folder` lies, or will lie."""
    there = next(each for each in [folder.absolute(), *folder.absolute().parents] if each.exists())
    return shutil.disk_usage(there).free


def missing(plan: Plan) -> dict[str, set[str]]:
    """Stages of each run that have to be computed: they lack a file, and it is read or shown."""
    absent = {
        run: {stage for stage, made in stages.items() if not _there(made, stage)}
        for run, stages in plan.recipes.items()
    }
    for stage, recipes in plan.by_key.items():
        for key, made in recipes.items() if stage in ANALYSES and ANALYSES[stage].group else ():
            for run in plan.runs_of[key]:
                absent[run] |= set() if _there(made, stage) else {stage}
    return {run: {stage for stage in stages if _asked_for(stage, stages)} for run, stages in absent.items()}


def _there(made: Recipe, stage: str) -> bool:
    return all(Path(path(made, file)).is_file() for file in catalog.files(stage))


def _asked_for(stage: str, absent: set[str]) -> bool:
    """Whether a stage that is absent has to be computed: figures show analyses, the rest is read by others."""
    readers = [each for each in catalog.ORDER if stage in catalog.inputs(each)]
    shown = stage in ANALYSES or stage in ("data", "train")
    return shown or any(each in absent and _asked_for(each, absent) for each in readers)


def largest(needs: Needs, stages: Collection[str]) -> tuple[int, str]:
    """Bytes of memory, and the name, of the largest job of those that make these stages of a run; 0 of none."""
    jobs = {*stages, *(["columns"] if "jacobian" in stages else [])}
    return max(((size, job) for job, size in needs.memory.items() if job in jobs), default=(0, ""))


def check(plan: Plan, jobs_run_here: bool = True, most: int | None = None) -> None:
    """Raise DoesNotFitError if what of the plan is not there yet needs more memory or disk than there is.

    Each job by itself must fit into the memory of this machine, if it is to run here, or into `most` megabytes, if that
    is what a job of a cluster is given; all artifacts, and the largest of what is deleted again, onto the disk of
    results/.
    """
    if plan.params.compute.may_not_fit:
        return
    absent = missing(plan)
    there = machine_memory() if jobs_run_here else (most * 10**6, "by --resources mem_mb") if most else None
    lines = [*(_memory(plan, absent, *there) if there else []), *_disk(plan, absent)]
    if lines:
        raise DoesNotFitError("\n".join([*lines, ANYWAY]))


def _memory(plan: Plan, absent: dict[str, set[str]], there: int, what: str) -> Iterator[str]:
    """A line for each run of which a job does not fit into the memory that is there."""
    for name, stages in absent.items():
        needs = Needs(plan.params, plan.params.runs[name])
        size, job = largest(needs, stages)
        if size > there:
            run = needs.run
            yield (
                f"runs.{name}: {job} needs {readable(size)} of memory ({run.size} parameters, {run.steps} steps, "
                f"{run.training.dtype}), and there are {readable(there)} {what}; {_way_out(needs, job, there)}"
            )


def _way_out(needs: Needs, job: str, there: int) -> str:
    run = needs.run
    smaller = "lower model.hidden" if hasattr(run.model, "hidden") else "choose a smaller model"
    if isinstance(run.svd, DenseSvd) and needs.memory["svd"] > there:
        rank = min(20, run.size)
        partial = PartialSvd(
            method="partial", rank=rank, operators=["J"], tolerance=1e-6, products=10 * rank, block=rank, seed=0
        )
        if max(Needs(needs.params, run.model_copy(update={"svd": partial})).memory.values()) <= there:
            return f"{PARTIAL}, or {smaller}"
    return WAYS.get(job, "{smaller}").format(smaller=smaller)


def _disk(plan: Plan, absent: dict[str, set[str]]) -> Iterator[str]:
    """A line if what is absent does not fit onto the disk."""
    lasting: dict[str, tuple[int, str]] = {}  # by folder: runs share artifacts
    passing = {}
    for name, stages in absent.items():
        needs = Needs(plan.params, plan.params.runs[name])
        for stage in stages & needs.disk.keys():
            folder = path(plan.recipes[name][stage])
            lasting[folder] = needs.disk[stage], f"{stage} of {name}"
            found = [file for pattern in PASSING for file in Path(folder).glob(pattern) if file.is_file()]
            there = sum(file.stat().st_size for file in found)
            passing[folder] = max(0, needs.passing.get(stage, 0) - there)
    needed, free = sum(size for size, _ in lasting.values()) + max(passing.values(), default=0), free_disk()
    if needed > free:
        top = sorted(lasting.values(), reverse=True)[:3]
        of_J = top[0][1].startswith(("svd", "jacobian"))
        yield (
            f"results/ needs {readable(needed)} of disk for what is not there yet ("
            f"{', '.join(f'{what} {readable(size)}' for size, what in top)}), and {readable(free)} are free; "
            "make room (`training-jacobian gc` lists what no run needs), let results/ be a link to a larger disk, "
            f"{PARTIAL if of_J else 'lower svd.rank or training.epochs'}, or choose a smaller model"
        )
