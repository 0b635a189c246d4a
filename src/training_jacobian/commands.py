"""Commands for people: they find and explain files, and compute nothing.  Each imports what it needs."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any


def root_of(params: Path) -> Path:
    """The root of the project of a params file: the nearest folder above it with a Snakefile, else its own folder.

    In a folder with a Snakefile it is that folder, as for `snakemake --configfile`.  A link counts where it stands, not
    where it leads.
    """
    above = Path(os.path.abspath(params)).parents  # noqa: PTH100 (`..` is to go, links are to stay)
    marks = ("Snakefile", "workflow/Snakefile")  # the second, where another workflow has this one as a module
    found = (folder for folder in (Path.cwd(), *above) if any((folder / mark).is_file() for mark in marks))
    return next(found, above[0])


@contextmanager
def at_root(options: argparse.Namespace) -> Iterator[None]:
    """For commands with `--params`: inside the project of that file, to which `options.root` leads."""
    if not hasattr(options, "params"):
        yield
        return
    files = [options.params] if isinstance(options.params, str) else options.params
    root = root_of(Path(files[0] if files else "params.yaml"))
    options.root = os.path.relpath(root)
    moved = files if options.root == "." else [os.path.relpath(file, root) for file in files]
    options.params = moved[0] if isinstance(options.params, str) else moved
    with chdir(root):
        yield


def init(options: argparse.Namespace) -> None:
    """A project in a folder that has none."""
    from training_jacobian import __version__
    from training_jacobian.workflow.starting import init

    init(options.folder, __version__)
    go = "" if options.folder == Path() else f"cd {shlex.quote(str(options.folder))} && "
    print(f"made {options.folder.absolute()}: params.yaml says what is computed, studies/smoke.yaml the same in small")
    print(f"next: {go}snakemake --cores all results/figs/smoke/all")


def path(options: argparse.Namespace) -> None:
    """Where the files of a stage of a run lie, as seen from where the command was given."""
    from training_jacobian.section import nearest
    from training_jacobian.workflow.catalog import ORDER

    if options.stage not in (*ORDER, "all"):
        raise ValueError(f"no stage or analysis {options.stage!r}; {nearest(options.stage, [*ORDER, 'all'])}")
    plan, run = _plan_and_run(options)

    def seen(files: Iterable[str]) -> list[str]:
        return [os.path.normpath(Path(options.root, file)) for file in files]

    if options.stage == "all":
        for stage in plan.recipes[run]:
            print(stage, *seen(plan.files(run, stage)))
    elif files := plan.files_with(run, options.stage):
        print(*seen(files), sep="\n")
    else:
        raise ValueError(
            f"no figure in {options.params} shows {options.stage} of {run!r}, so it is not computed; "
            "add the run to a figure that does"
        )


def show(options: argparse.Namespace) -> None:
    """Parameters of a run."""
    import yaml

    plan, run = _plan_and_run(options)
    print(yaml.safe_dump(plan.params.runs[run].model_dump(), sort_keys=False), end="")


def _plan_and_run(options: argparse.Namespace) -> tuple[Any, str]:
    from training_jacobian.section import nearest
    from training_jacobian.workflow.plan import plan
    from training_jacobian.workflow.studies import found

    made = plan(options.params)
    if options.run not in made.recipes:
        for study, path in found().items():
            if options.run in plan(path).recipes:
                raise ValueError(f"run {options.run!r} is of the study {study}: add --params {path}")
        raise ValueError(f"{options.params} has no run {options.run!r}; {nearest(options.run, list(made.recipes))}")
    return made, options.run


def check(options: argparse.Namespace) -> None:
    """Whether params.yaml is right; what its runs cost, and whether what they need fits into this machine."""
    from training_jacobian.jobs.speed import calibrate
    from training_jacobian.workflow import costs, fits
    from training_jacobian.workflow.plan import plan

    made, cores = plan(options.params), costs.available()
    print(*costs.report(made, calibrate(cores), cores), sep="\n")
    fits.check(made)


def _plans(options: argparse.Namespace) -> list[Any]:
    """Of the params files that were named, if any; else of params.yaml and of all studies."""
    from training_jacobian.workflow.plan import plan
    from training_jacobian.workflow.studies import all_plans

    return [plan(file) for file in options.params] or all_plans()


def status(options: argparse.Namespace) -> None:
    """What is computed."""
    from training_jacobian.workflow import fits, housekeeping

    for plan in _plans(options):
        for owner, stage, state, size in housekeeping.status(plan):
            of_study = f"{plan.study}: " if plan.study else ""
            print(f"{state:10}  {fits.readable(size):>9}  {stage:12}  {of_study}{owner}")


def verify(options: argparse.Namespace) -> int:
    """What is damaged, foreign or missing; 1 if anything is."""
    from training_jacobian.workflow import housekeeping, publish

    plans = _plans(options)
    finished = plans if options.params else [plan for plan in plans if publish.manifest(plan.study).exists()]
    problems = list(housekeeping.verify(finished))
    for plan in plans:
        if plan not in finished:
            print(f"{plan.name}: not computed to its end; what it lacks is not listed")
    for each in problems:
        print(f"{each.kind}: {each.path}: {each.why}")
    print(f"{len(list(housekeeping.folders()))} artifact folders, {len(problems)} problems")
    if any(each.kind in ("damaged", "foreign") for each in problems):
        print("delete what is damaged or foreign, and run the workflow again", file=sys.stderr)
    return int(bool(problems))


def gc(options: argparse.Namespace) -> int:
    """What belongs to no run, or came too late for it; deletes it with --yes."""
    from training_jacobian.workflow import fits, housekeeping

    old = housekeeping.unreferenced(_plans(options))
    for each in old:
        print(f"{fits.readable(housekeeping.size(each)):>9}  {each}")
    total = fits.readable(sum(map(housekeeping.size, old)))
    if options.yes:
        refused = housekeeping.delete(old)
        print(*refused, sep="\n", end="\n" if refused else "", file=sys.stderr)
        print(f"deleted {len(old) - len(refused)} of {len(old)} files and folders, {total}")
        return int(bool(refused))
    print(f"{len(old)} files and folders, {total}, are not needed; `training-jacobian gc --yes` deletes them")
    return 0


def reference(options: argparse.Namespace) -> None:
    """All keys of params.yaml, and all analyses; or what a run takes."""
    if options.page == "costs":
        from training_jacobian.workflow import cost_page
        from training_jacobian.workflow.loading import load

        print(cost_page.page(load()), end="")
        return
    from training_jacobian.workflow.reference import page

    print(page(), end="")
