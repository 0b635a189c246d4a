"""What went wrong, for people: whose job it was, the cause with its remedy, and where the rest is."""

import argparse
import json
from pathlib import Path

from training_jacobian.artifacts import oserrors

TOLD = "training-jacobian: "  # how a line for people begins
NAMES = Path("results/recipes/names")  # key -> whose artifact it is; written by the plan, read only here
# whose texts are sentences: they are raised on purpose; all others come with their type
SENTENCES = (ValueError, RuntimeError, ArithmeticError, FileNotFoundError)


def told(error: BaseException, options: argparse.Namespace) -> str:
    """One line: run and stage of a job, cause and remedy, log."""
    made, log = getattr(options, "recipe", None), getattr(options, "log", None)
    if isinstance(made, Path):  # it went wrong before that was read
        try:
            made = json.loads(made.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            made = None
    whose = _whose(made, getattr(options, "stage", options.name)) if isinstance(made, dict) else ""
    return f"{whose}{cause(error)}{f'; log: {log}' if log else ''}"


def cause(error: BaseException) -> str:
    """The text of an error, never empty; with the error's type where that text alone says too little."""
    text, kind = str(error).strip(), type(error).__name__
    if isinstance(error, OSError) and error.errno and isinstance(error.filename, str):
        return str(oserrors.told(Path(error.filename), error.errno, "opened"))
    if isinstance(error, MemoryError):
        return f"out of memory{f' ({text})' if text else ''}; give the job more, or compute less at once"
    ours = type(error).__module__.startswith("training_jacobian") or type(error) in SENTENCES
    return text if text and ours else f"{kind}: {text}" if text else kind


def _whose(made: dict[str, object], command: str) -> str:
    """Of which run, or runs, and which stage."""
    try:
        from training_jacobian.artifacts.address import key

        owner = json.loads(NAMES.read_text(encoding="utf-8")).get(key(made))
    except Exception:  # whatever it is, it must not hide the error that is to be told
        owner = None
    stage = str(made.get("stage", command))
    told = stage if stage in (command, "figures") else f"{stage} ({command})"
    return f"{owner}, stage {told}: " if owner else f"stage {told}: "
