"""What an analysis says of itself: all that params.yaml, plan, recipes, rules, commands and the tests know of it.

Cheap to import: what computes and what draws lies in other files of the analysis's folder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from training_jacobian.section import Dimensions, Section, refuse

PYTHON, JAX = 200 * 10**6, 420 * 10**6  # bytes of a job that holds nothing: with numpy; with JAX and what it compiles


@dataclass(frozen=True)
class Kind:
    """A figure (.pdf, .png, and .csv with what it shows), or a table only (.csv)."""

    file: str  # the table in each folder of the analysis; put together they are what the figure shows
    caption: str  # what it shows and how to read it, in short sentences
    drawn: bool = True  # by the function of that name in the analysis's `figures`
    options: type[Section] = Section  # its own keys in params.yaml
    alike: tuple[str, ...] = ()  # components that its runs must share, such as `loss`


@dataclass(frozen=True)
class Analysis:
    """Of a run, or of a group of runs.  Its folder has `compute`; `figures` and `columns` if it says so."""

    after: str  # the stage, or analysis, whose recipe it continues
    inputs: tuple[str, ...]  # stages and analyses whose files it reads
    files: tuple[str, ...]  # what it writes: .h5, .csv or .json
    kinds: Mapping[str, Kind]  # its kinds of figures and tables
    settings: type[Section] | None = None  # its section in params.yaml
    reads: tuple[str, ...] | None = None  # sections that it reads; by default its own; the first one is `settings`
    method: Literal["dense", "partial"] | None = "dense"  # of the SVD of its runs; None: any
    always: bool = False  # of all runs with that method; else of those that a figure shows
    group: Literal["pairs", "all"] | None = None  # of each two runs of a list, or of the list; None: of one run
    jax: bool = False  # whether it computes with JAX
    # how many: a quarter of all for linear algebra, whose limit is memory; all for products with a large J (times.py)
    threads: Literal["one", "quarter", "products"] = "one"
    long: bool = False  # its jobs, and what leads to them, come before others
    # of needs.Needs of a run: bytes at the peak; floating-point operations; bytes on disk, and of what is deleted again
    memory: Callable[[Any], int] = lambda needs: PYTHON
    operations: Callable[[Any], float] = lambda needs: 0.0
    pace: float = 1.0  # at which they are done, as a part of the speed of products of large matrices
    disk: Callable[[Any], int] = lambda needs: 0
    passing: Callable[[Any], int] = lambda needs: 0
    minutes: int = 60  # a limit for its time, at least
    smaller: str = ""  # what to lower where it does not fit
    # raises, by `refuse`, if a run cannot have it: settings, Params' run, the first run of its group or figure
    check: Callable[[Any, Any, Any], None] = lambda settings, run, first: None
    defaults: Callable[[int], dict[str, Any]] = lambda size: {}  # its settings in a Python session, of N parameters
    asks: tuple[Literal["optimizer", "test", "network"], ...] = ()  # of a training in memory, beside its steps
    columns: tuple[str, ...] | None = None  # sections that its columns in the table of runs need; None: it has none
    # of its files the tables by singular direction, with its `index`, which the report's explorer shows: one of all
    # analyses has sigma and region; a row a direction, or a row for each value of a column of text
    directions: tuple[str, ...] = ()
    marks: bool = False  # whether its columns have `mark(folder)`: what figures say of a run
    tells: tuple[str, ...] = field(default=())  # stages whose columns its own have, too


def must_measure(run: Any) -> None:
    """Raise if the exact bulk of a run of params.yaml cannot be measured, or it has none."""
    must_keep(run)
    if run.training.dtype != "float64":
        refuse(f"it is in {run.training.dtype}, which hides its exact bulk; choose a float64 run")


def must_fit(name: str, dimensions: Dimensions, most: int, bound: str) -> None:
    """Raise if dimensions of subspaces are too large."""
    if dimensions.stop > most:
        refuse(f"{name}.dimensions.stop = {dimensions.stop} is above {most}, {bound} parameters; lower it")


def must_keep(run: Any) -> None:
    """Raise if a run of params.yaml has no exact bulk: its optimizer moves what no gradient touches."""
    if not run.keeps_untouched:
        refuse("it has no exact bulk to tell apart; choose a run with SGD and no weight decay")
