"""Commands for people: they find and explain files, and compute nothing.  Each imports what it needs."""

import argparse
import sys
from typing import Any


def path(options: argparse.Namespace) -> None:
    """Where the files of a stage of a run lie."""
    plan, run = _plan_and_run(options)
    if options.stage == "all":
        for stage in plan.recipes[run]:
            print(stage, *plan.files(run, stage))
    elif options.stage == "angles" and any(run in pair for _, *pair in plan.comparisons()):
        pairs = [key for key in plan.by_key["angles"] if run in plan.runs_of[key]]
        print(*(f"results/angles/{key}/overlaps.csv" for key in pairs), sep="\n")
    elif options.stage in plan.recipes[run]:
        print(*plan.files(run, options.stage), sep="\n")
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
    from training_jacobian.plan import plan
    from training_jacobian.section import nearest

    made = plan(options.params)
    if options.run not in made.recipes:
        raise ValueError(f"{options.params} has no run {options.run!r}; {nearest(options.run, list(made.recipes))}")
    return made, options.run


def check(options: argparse.Namespace) -> None:
    """Whether params.yaml is right, and its runs."""
    from training_jacobian.loading import load

    params = load(options.params)
    for name, run in params.runs.items():
        print(f"{name}: {run.size} parameters, {run.steps} steps, {run.training.dtype}")


def status(options: argparse.Namespace) -> None:
    """What is computed."""
    from training_jacobian import housekeeping
    from training_jacobian.plan import plan

    for owner, stage, state, size in housekeeping.status(plan(options.params)):
        print(f"{state:10}  {housekeeping.readable(size):>9}  {stage:12}  {owner}")


def verify(options: argparse.Namespace) -> int:
    """What is damaged, foreign or missing; 1 if anything is."""
    from training_jacobian import housekeeping
    from training_jacobian.plan import plan

    problems = list(housekeeping.verify(plan(options.params)))
    for each in problems:
        print(f"{each.kind}: {each.path}: {each.why}")
    wrong = [each for each in problems if each.kind != "unrecorded"]
    print(f"{len(list(housekeeping.folders()))} artifact folders, {len(wrong)} problems")
    if any(each.kind in ("damaged", "foreign") for each in wrong):
        print("delete what is damaged or foreign, and run the workflow again", file=sys.stderr)
    return int(bool(wrong))


def gc(options: argparse.Namespace) -> None:
    """What belongs to no run, or came too late for it; deletes it with --yes."""
    from training_jacobian import housekeeping
    from training_jacobian.plan import plan

    old = housekeeping.unreferenced([plan(file) for file in options.params])
    for each in old:
        print(f"{housekeeping.readable(housekeeping.size(each)):>9}  {each}")
    total = housekeeping.readable(sum(map(housekeeping.size, old)))
    if options.yes:
        housekeeping.delete(old)
        print(f"deleted {len(old)} files and folders, {total}")
    else:
        print(f"{len(old)} files and folders, {total}, are not needed; `training-jacobian gc --yes` deletes them")
