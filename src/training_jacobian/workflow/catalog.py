"""What there is: stages, analyses and kinds of figures, from their declarations."""

from training_jacobian.analyses import discovered
from training_jacobian.declaration import Analysis, Kind
from training_jacobian.stages import STAGES, Stage

ANALYSES = discovered()
ORDER = (*STAGES, *ANALYSES)  # what a stage comes after stands before it
KINDS: dict[str, tuple[str, Kind]] = {  # of figures and tables: the analysis, and what it says of them
    kind: (name, each) for name, analysis in ANALYSES.items() for kind, each in analysis.kinds.items()
}


def files(stage: str) -> tuple[str, ...]:
    """Names of the files that a stage or an analysis writes."""
    return ANALYSES[stage].files if stage in ANALYSES else (f"{stage}.h5",)


def inputs(stage: str) -> tuple[str, ...]:
    """Stages and analyses whose files it reads."""
    return _of(stage).inputs


def after(stage: str) -> str | None:
    """The stage or analysis whose recipe it continues; None if it is the first."""
    return _of(stage).after


def shown(kind: str) -> str | None:
    """The analysis that a figure of a kind shows; None if it is the table of runs."""
    return KINDS[kind][0] if kind in KINDS else None


def method(stage: str) -> str | None:
    """Of the SVD of the runs that can have it, `dense` or `partial`; None: of any."""
    return _of(stage).method


def reads(stage: str) -> tuple[str, ...]:
    """Sections of params.yaml, or of a run in it, that are in its recipe."""
    if stage in STAGES:
        return STAGES[stage].reads
    analysis = ANALYSES[stage]
    return analysis.reads if analysis.reads is not None else (stage,) if analysis.settings else ()


def _of(stage: str) -> Analysis | Stage:
    return ANALYSES[stage] if stage in ANALYSES else STAGES[stage]


def chain(stage: str) -> list[str]:
    """The analysis and those that it comes after, down to the stages."""
    made = []
    while stage in ANALYSES:
        made.append(stage)
        stage = ANALYSES[stage].after
    return made


def sections(stage: str) -> list[str]:
    """Sections of params.yaml that must be there for an analysis: its own, and those of what it comes after."""
    return sorted({name for each in chain(stage) for name in reads(each) if name in SETTINGS})


SETTINGS = {name: each.settings for name, each in ANALYSES.items() if each.settings}
