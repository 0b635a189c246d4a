"""A job of the workflow: `training-jacobian job STAGE --recipe FILE --out PATH ...`, one command for all stages.

What a job reads stands in its recipe, as addresses; files without one are given on the command line.
"""

import argparse
import importlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_jacobian.jobs.clock import Clock

if TYPE_CHECKING:
    from training_jacobian.jobs.compiled import Compiled

CLOCK = Clock()
MODULES = {  # in stages/, where it is not that of all analyses
    **{name: name for name in ("data", "train", "columns", "svd", "table", "summary", "scatter", "report")},
    **{"jacobian": "gather", "figure": "figures"},
}
# whose recipe is of a stage that is called otherwise
OF = {"columns": "jacobian", **dict.fromkeys(("figure", "table", "scatter", "summary", "report"), "figures")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of a job."""
    parser.add_argument("stage", help="a stage, an analysis, or columns, figure, scatter, table, summary, report")
    parser.add_argument("--recipe", type=Path, required=True, metavar="FILE", help="what determines the output")
    parser.add_argument("--out", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--log", metavar="FILE", help="where to write what went wrong")
    parser.add_argument("--threads", type=int, default=1, help="threads to use; default: %(default)s")
    parser.add_argument("--jax", action="store_true", help="it computes with JAX")
    parser.add_argument("--raw", type=Path, nargs="*", default=[], metavar="FILE", help="of data: downloaded files")
    parser.add_argument("--theta", type=Path, metavar="FILE", help="of train: theta_0")
    parser.add_argument("--range", type=int, nargs=2, metavar=("FIRST", "LAST"), help="of columns")
    parser.add_argument("--blocks", type=Path, nargs="+", default=[], metavar="FILE", help="of jacobian: its columns")


def run(options: argparse.Namespace) -> None:
    """Do the job."""
    kept = _prepare(options.threads, options.jax)
    try:
        options.recipe = _recipe(options)
        _make(options)
    finally:
        if kept:
            kept.keep()


def log(options: argparse.Namespace, trouble: str | None = None) -> bool:
    """Write the log of a job, if it has one: what went wrong, or how long it took and where.  Whether it is written."""
    if not (file := getattr(options, "log", None)):
        return False
    name, threads = getattr(options, "stage", options.name), getattr(options, "threads", 1)
    text = trouble or f"{name}: {CLOCK.report(threads)}{_where()}\n"
    with suppress(OSError):  # the disk may be full
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
        return True
    return False


def _where() -> str:
    """Which job of a cluster this is, and on which node."""
    number, node = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURMD_NODENAME")
    return f", by Slurm job {number} on {node}" if number else ""


def _prepare(threads: int, jax: bool) -> "Compiled | None":
    """Hold the process to its threads, with what was compiled for them before."""
    from training_jacobian.jobs.threads import hold

    held = hold(threads, jax)
    if not jax:
        return None
    from training_jacobian.jobs import compiled

    return compiled.use(held)


def _recipe(options: argparse.Namespace) -> Any:
    """The recipe of a job: whole, of this code, and the outputs must lie at its address."""
    from training_jacobian.artifacts.address import key
    from training_jacobian.artifacts.digest import check_code

    file = options.recipe
    try:
        made = json.loads(file.read_text(encoding="utf-8"))
        found = key(made)
    except (ValueError, TypeError):
        made, found = None, None
    if found is None or (file.suffix == ".json" and file.stem != found):
        raise ValueError(f"{file}: damaged, not the recipe of that key; delete it and run snakemake again")
    options.recipe = made
    check_code(made)
    if made["stage"] != OF.get(options.stage, options.stage):
        raise ValueError(f"{options.stage} is no job of --recipe, which is of stage {made['stage']}")
    for out in options.out:
        if found not in out.parts:
            raise ValueError(f"--out {out} is not at the address of --recipe, {found}")
    return made


def _make(options: argparse.Namespace) -> None:
    """Call the function of the stage."""
    made, out, first = options.recipe, options.out, options.out[0]
    if options.jax or options.stage == "data":  # which run the modules of components
        from training_jacobian.artifacts.address import parameters
        from training_jacobian.artifacts.reading import watch

        watch(parameters(made))
    own = {
        "data": (options.raw, first),
        "train": (options.theta, first),
        "columns": (*(options.range or ()), first),
        "jacobian": (options.blocks, first),
        "figure": (out,),
        "table": (out,),
        "scatter": (out,),
    }
    if options.stage in ("figure", "scatter"):
        from training_jacobian.jobs import spared

        spared.seaborn()
    module = MODULES.get(options.stage, "analysis")
    if "stages.variants" in made["code"]:
        module = "variants"
    make = importlib.import_module(f"training_jacobian.stages.{module}").make
    if module == "analysis":
        importlib.import_module(f"training_jacobian.analyses.{made['stage']}.compute")
    CLOCK.started()
    make(made, *own.get(options.stage, (first,)))
