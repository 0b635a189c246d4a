"""The command line: commands for people, and one per stage for the workflow; numerics are imported when needed."""

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_jacobian import __version__, commands, streams, troubles
from training_jacobian.clock import Clock
from training_jacobian.surroundings import settle

if TYPE_CHECKING:
    from training_jacobian.compiled import Compiled

CLOCK = Clock()

DESCRIPTION = """\
How a trained network depends on where its training began: J = d theta_T / d theta_0.

The workflow computes everything; this command finds and explains its files.
  snakemake --cores all results/figs/all   compute what is missing, draw the figures
  training-jacobian path paper svd         where the SVD of the run `paper` lies
  training-jacobian show paper             the parameters of that run, defaults filled in
  training-jacobian check                  is params.yaml right?"""

Command = Callable[[argparse.Namespace], int | None]
STAGES = (
    "data",
    "train",
    "jacobian",
    "triplets",
    "density",
    "responses",
    "svd",
    "identity",
    "spectrum",
    "perturbation",
    "behaviour",
    "subspace",
    "pfj",
    "angles",
)
# commands that compute with jax
XLA = ("train", "columns", "triplets", "density", "responses", "perturbation", "behaviour", "subspace", "pfj")
TO_THE_END = ("verify", "check", "gc")  # commands whose list somebody must have seen whole
GC = "list, with sizes, what in results/ no run in params.yaml refers to; delete it with --yes"
ANALYSES = {
    "spectrum": "counts, regions, cosines, exact bulk",
    "perturbation": "response of training to perturbed starts",
    "behaviour": "what steps along singular directions do to the trained network",
    "subspace": "train inside subspaces",
    "pfj": "parameter-function Jacobian, its null space against the bulk",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 after an error told on standard error (and in the log of a job), 130 if interrupted.

    Without `arguments` it is the process's own command line, and the process's surroundings are settled first.  A
    command goes on to its end where nobody reads what it prints; for some the status is 1 then.
    """
    if arguments is None:
        settle()
    with streams.lasting() as out:
        options = _parser().parse_args(arguments)
        status = _done(options)
    return status or int(out.cut and options.name in TO_THE_END)


def _done(options: argparse.Namespace) -> int:
    """Run a command, and tell what goes wrong; its status."""
    log, kept = getattr(options, "log", None), None
    try:
        if hasattr(options, "threads"):
            kept = _prepare(options.threads, xla=options.name in XLA)
        if getattr(options, "recipe", None) is not None:
            options.recipe = _recipe(options)
        with commands.at_root(options):
            status = options.command(options) or 0
        sys.stdout.flush()  # a full disk is an error of this command
    except KeyboardInterrupt:
        print("training-jacobian: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except Exception as error:  # whatever it is, the user reads one line and the log has the rest
        print(f"training-jacobian: {troubles.told(error, options)}", file=sys.stderr)
        _log(log, traceback.format_exc())
        return 1
    finally:
        if kept:
            kept.keep()
    _log(log, f"{options.name}: {CLOCK.report(getattr(options, 'threads', 1))}{_where()}\n")
    return status


def _log(log: str | None, text: str) -> None:
    with suppress(OSError):  # the disk may be full
        if log:
            Path(log).write_text(text, encoding="utf-8", errors="backslashreplace")


def _prepare(threads: int, xla: bool) -> "Compiled | None":
    """Hold the process to its threads, with what was compiled for them before."""
    from training_jacobian.threads import hold

    held = hold(threads, xla)
    if not xla:
        return None
    from training_jacobian import compiled

    return compiled.use(held)


def _where() -> str:
    """Which job of a cluster this is, and on which node."""
    job, node = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURMD_NODENAME")
    return f", by Slurm job {job} on {node}" if job else ""


def _recipe(options: argparse.Namespace) -> Any:
    """The recipe of a job: whole, of this code, and the outputs must lie at its address."""
    from training_jacobian.recipe import check_code, key

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
    for out in options.out:
        if found not in out.parts:
            raise ValueError(f"--out {out} is not at the address of --recipe, {found}")
    return made


def _run(options: argparse.Namespace, module: str, *arguments: Any) -> None:
    """Call the function of a stage, which is named like the command."""
    if options.name in ("data", *XLA):  # which run the modules of data sets and models
        from training_jacobian.reading import watch
        from training_jacobian.recipe import parameters

        watch(parameters(options.recipe))
    stage = importlib.import_module(f"training_jacobian.stages.{module}")
    CLOCK.started()
    getattr(stage, f"make_{options.name}")(options.recipe, *arguments)


def _data(options: argparse.Namespace) -> None:
    module = "variants" if "stages.variants" in options.recipe["code"] else "data"
    _run(options, module, options.raw, options.out[0])


def _raw(options: argparse.Namespace) -> None:
    from training_jacobian.datasets import dataset
    from training_jacobian.raw import fetch

    (wanted,) = [raw for raw in dataset(options.set).RAW if raw.name == options.file]
    fetch(wanted, Path("data/raw", options.set))


def _train(options: argparse.Namespace) -> None:
    _run(options, "train", options.data, options.theta, options.out[0])


def _columns(options: argparse.Namespace) -> None:
    _run(options, "columns", options.data, options.train, *options.range, options.out[0])


def _triplets(options: argparse.Namespace) -> None:
    _run(options, "triplets", options.data, options.train, options.out[0])


def _density(options: argparse.Namespace) -> None:
    _run(options, "density", options.data, options.train, options.triplets, options.out[0])


def _responses(options: argparse.Namespace) -> None:
    _run(options, "responses", options.data, options.train, options.triplets, options.bulk, options.out[0])


def _jacobian(options: argparse.Namespace) -> None:
    _run(options, "gather", options.blocks, options.out[0])


def _of_jacobian(options: argparse.Namespace) -> None:
    """The SVD, or another decomposition of J."""
    _run(options, options.name, options.jacobian, options.out[0])


def _analysis(options: argparse.Namespace) -> None:
    """Any of the analyses of one run."""
    _run(options, options.name, options.data, options.train, options.svd, options.out[0])


def _angles(options: argparse.Namespace) -> None:
    _run(options, "angles", options.data, options.svd, options.out[0])


def _figure(options: argparse.Namespace) -> None:
    _run(options, "figures", options.folders, options.out)


def _table(options: argparse.Namespace) -> None:
    _run(options, "table", options.folders, options.out)


def _summary(options: argparse.Namespace) -> None:
    _run(options, "summary", options.folders, options.out[0])


def _publish(options: argparse.Namespace) -> None:
    from training_jacobian.publish import publish, read_wanted

    publish(read_wanted(options.wanted))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training-jacobian", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(title="commands", required=True, dest="name", metavar="COMMAND")

    def person(name: str, help: str, command: Command) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=help, description=help)
        made.add_argument("--params", default="params.yaml", metavar="FILE", help="default: %(default)s")
        made.set_defaults(command=command)
        return made

    path = person("path", "print where the files of a stage of a run lie", commands.path)
    path.add_argument("run", help="name of a run in params.yaml")
    path.add_argument("stage", nargs="?", default="all", choices=(*STAGES, "all"), help="default: %(default)s")
    show = person("show", "print the parameters of a run, defaults filled in", commands.show)
    show.add_argument("run", help="name of a run in params.yaml")
    person("check", "check params.yaml and list its runs", commands.check)
    person("status", "what of params.yaml is computed, and how large it is", commands.status)
    person("verify", "look for damaged, foreign and missing artifacts; status 1 if there are any", commands.verify)
    gc = subparsers.add_parser("gc", help=GC, description=GC)
    gc.add_argument(
        "--params", nargs="+", default=["params.yaml"], metavar="FILE", help="all that count; default: %(default)s"
    )
    gc.add_argument("--yes", action="store_true", help="delete it")
    gc.set_defaults(command=commands.gc)

    def job(name: str, help: str, command: Command, *inputs: str) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=help + " (a job of the workflow)", description=help)
        made.add_argument("--recipe", type=Path, required=True, metavar="FILE", help="what determines the output")
        for each in inputs:
            made.add_argument(f"--{each}", type=Path, required=True, metavar="FILE")
        made.add_argument("--out", type=Path, nargs="+", required=True, metavar="PATH")
        made.add_argument("--log", metavar="FILE", help="where to write what went wrong")
        made.add_argument("--threads", type=int, default=1, help="threads to use; default: %(default)s")
        made.set_defaults(command=command)
        return made

    data = job("data", "load and split a data set", _data)
    data.add_argument("--raw", type=Path, nargs="*", default=[], metavar="FILE")
    job("train", "train, keeping every state", _train, "data").add_argument("--theta", type=Path, metavar="FILE")
    columns = job("columns", "compute a block of columns of the Jacobian", _columns, "data", "train")
    columns.add_argument("--range", type=int, nargs=2, required=True, metavar=("FIRST", "LAST"))
    job("triplets", "largest singular triplets from products with the Jacobian", _triplets, "data", "train")
    job("density", "how many directions training leaves as they are", _density, "data", "train", "triplets")
    inputs = ("data", "train", "triplets", "bulk")
    job("responses", "response to perturbed starts, from products with the Jacobian", _responses, *inputs)
    gather = job("jacobian", "gather the column blocks", _jacobian)
    gather.add_argument("--blocks", type=Path, nargs="+", required=True, metavar="FILE")
    job("svd", "singular value decomposition of the Jacobian", _of_jacobian, "jacobian")
    job("identity", "singular values of the Jacobian minus the identity", _of_jacobian, "jacobian")
    for name, help in ANALYSES.items():
        job(name, help, _analysis, "data", "train", "svd")
    angles = job("angles", "principal angles between the bulks of two runs", _angles)
    for each in ("data", "svd"):
        angles.add_argument(f"--{each}", type=Path, nargs=2, required=True, metavar="FILE")
    of_folders = {
        "figure": ("draw a figure and write its table", _figure),
        "table": ("write the table of runs", _table),
        "summary": ("write the table of the paper's statements", _summary),
    }
    for name, (help, command) in of_folders.items():
        job(name, help, command).add_argument("--folders", type=Path, nargs="+", required=True, metavar="FOLDER")

    raw = subparsers.add_parser("raw", help="download a file of a data set (a job of the workflow)")
    raw.add_argument("set", help="name of the data set")
    raw.add_argument("file", help="name of the file, in data/raw/<data set>/")
    raw.add_argument("--log", metavar="FILE")
    raw.set_defaults(command=_raw)

    publish = subparsers.add_parser("publish", help="publish figures and links (a job of the workflow)")
    publish.add_argument("--wanted", required=True, metavar="JSON")
    publish.add_argument("--log", metavar="FILE")
    publish.set_defaults(command=_publish)
    return parser
