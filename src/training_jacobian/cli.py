"""The command line: commands for people, and those of the workflow; what they need is imported when needed."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from training_jacobian import __version__, commands, job, progress, streams
from training_jacobian.jobs import troubles
from training_jacobian.jobs.surroundings import settle

DESCRIPTION = """\
How a trained network depends on where its training began: J = d theta_T / d theta_0.

The workflow computes everything; this command finds and explains its files.
  snakemake --cores all results/figs/all   compute what is missing, draw the figures
  training-jacobian init                   the workflow itself, into an empty folder
  training-jacobian path paper svd         where the SVD of the run `paper` lies
  training-jacobian show paper             the parameters of that run, defaults filled in
  training-jacobian check                  is params.yaml right, and what does it cost?"""

Command = Callable[[argparse.Namespace], int | None]
TO_THE_END = ("verify", "check", "gc")  # commands whose list somebody must have seen whole
GC = "list, with sizes, what in results/ no run of params.yaml or of a study refers to; delete it with --yes"


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
    """Run a command, and tell what goes wrong; its status.

    A job of a workflow that tells of its jobs writes what it has to say into its log.
    """
    calm = bool(getattr(options, "log", None)) and progress.CALM in os.environ
    progress.LOGS[:] = [Path(options.log)] if calm else []
    try:
        with commands.at_root(options):
            status = options.command(options) or 0
        sys.stdout.flush()  # a full disk is an error of this command
    except KeyboardInterrupt:
        if not calm:
            print("training-jacobian: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except Exception as error:  # whatever it is, the user reads one line and the log has the rest
        told = f"{troubles.TOLD}{troubles.told(error, options)}"
        if not (job.log(options, f"{traceback.format_exc()}{told}\n") and calm):
            print(told, file=sys.stderr)
        return 1
    job.log(options)
    return status


def _raw(options: argparse.Namespace) -> None:
    from training_jacobian.artifacts.raw import fetch
    from training_jacobian.learning.components import component

    (wanted,) = [raw for raw in component("datasets", options.set).RAW if raw.name == options.file]
    fetch(wanted, Path("data/raw", options.set))


def _publish(options: argparse.Namespace) -> None:
    from training_jacobian.workflow.publish import publish, read_wanted

    publish(read_wanted(options.wanted))


def _dvc_plan(options: argparse.Namespace) -> None:
    from training_jacobian.workflow.dvc_plan import write
    from training_jacobian.workflow.plan import plan

    write(plan(), options.folder)


def _dvc_files(options: argparse.Namespace) -> None:
    from training_jacobian.report.dvc_files import write

    write(options.folder)


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
    path.add_argument("stage", nargs="?", default="all", help="of a stage or an analysis; default: %(default)s")
    show = person("show", "print the parameters of a run, defaults filled in", commands.show)
    show.add_argument("run", help="name of a run in params.yaml")
    person("check", "check params.yaml; time, memory and disk of its jobs", commands.check)

    def of_all(name: str, help: str, command: Command) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=help, description=help)
        told = "all that count; default: params.yaml and studies/*.yaml"
        made.add_argument("--params", nargs="+", default=[], metavar="FILE", help=told)
        made.set_defaults(command=command)
        return made

    of_all("status", "what is computed of params.yaml and of all studies, and how large it is", commands.status)
    of_all("verify", "look for damaged, foreign and missing artifacts; status 1 if there are any", commands.verify)
    of_all("gc", GC, commands.gc).add_argument("--yes", action="store_true", help="delete it")

    told = "make an empty folder a project: the workflow, params.yaml, studies"
    init = subparsers.add_parser("init", help=told, description=told)
    init.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="default: this one")
    init.set_defaults(command=commands.init)

    reference = subparsers.add_parser("reference", help="print all keys of params.yaml and all analyses")
    reference.add_argument("page", nargs="?", choices=["keys", "costs"], default="keys", help="or what a run takes")
    reference.set_defaults(command=commands.reference)

    of_workflow = subparsers.add_parser("job", help="compute a stage of a run (a job of the workflow)")
    job.arguments(of_workflow)
    of_workflow.set_defaults(command=job.run)

    raw = subparsers.add_parser("raw", help="download a file of a data set (a job of the workflow)")
    raw.add_argument("set", help="name of the data set")
    raw.add_argument("file", help="name of the file, in data/raw/<data set>/")
    raw.add_argument("--log", metavar="FILE")
    raw.set_defaults(command=_raw)

    publish = subparsers.add_parser("publish", help="publish figures and links (a job of the workflow)")
    publish.add_argument("--wanted", required=True, metavar="JSON")
    publish.add_argument("--log", metavar="FILE")
    publish.set_defaults(command=_publish)

    told = "write lists of what params.yaml asks for, on which DVC's stages depend (a job of DVC)"
    dvc_plan = subparsers.add_parser("dvc-plan", help=told, description=told)
    dvc_plan.add_argument("folder", type=Path, help="of the lists")
    dvc_plan.set_defaults(command=_dvc_plan)

    told = "write what DVC shows: the page of its plots, the few metrics of its experiments (a job of DVC)"
    dvc_files = subparsers.add_parser("dvc-files", help=told, description=told)
    dvc_files.add_argument("folder", type=Path, help="of the results")
    dvc_files.set_defaults(command=_dvc_files)
    return parser
