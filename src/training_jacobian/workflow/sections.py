"""Sections of params.yaml that belong to no analysis: figures, their style, the paper's statements, how to compute."""

from typing import Annotated, Any, Literal, Union

from pydantic import Field, create_model, field_validator
from pydantic_core import PydanticCustomError

from training_jacobian.section import Count, Found, Name, Section
from training_jacobian.workflow.catalog import ANALYSES, KINDS

TABLE, SUMMARY, REPORT = "runs", "summary", "report"  # of all runs; of the paper's statements; the page of all

Runs = Annotated[
    Annotated[list[Name], Field(min_length=1)] | Literal["all"], Field(description="in the order of the legend")
]
Groups = Annotated[
    dict[Name, Annotated[list[Name], Field(min_length=2)]], Field(description="a name and the runs compared")
]


def _plot(kind: str) -> Any:
    """The model of a figure of a kind: its runs, or groups of runs, and its own options."""
    analysis, declared = KINDS[kind]
    shown = {"comparisons": (Groups, ...)} if ANALYSES[analysis].group else {"runs": (Runs, ...)}
    fields: Any = {"kind": (Literal[kind], ...), **shown}
    return create_model(f"Plot_{kind}", __base__=declared.options, **fields)


class OfRuns(Section):
    """Columns of the table of runs against each other."""

    kind: Literal["runs"]
    runs: Runs
    x: str = Field(description="a column of the table of runs, such as a parameter that a sweep varies")
    y: str = Field(description="another")
    color: str | None = Field(default=None, description="a colour for each value of that column")
    panels: str | None = Field(default=None, description="a panel for each value of that column")
    log: list[Literal["x", "y"]] = Field(default=[], description="axes that are logarithmic")


PLOT: Any = Annotated[Union[(OfRuns, *map(_plot, KINDS))], Field(discriminator="kind")]


def options(plot: Any) -> dict[str, Any]:
    """A figure's own options, those that are not off."""
    made: dict[str, Any] = plot.model_dump(exclude_defaults=True, exclude={"kind", "runs", "comparisons"})
    return made


def named(plot: Any) -> list[str]:
    """Names of the runs that a figure mentions, apart from `all`."""
    runs = getattr(plot, "runs", [])
    groups = getattr(plot, "comparisons", {})
    return [*([] if runs == "all" else runs), *(run for each in groups.values() for run in each)]


class Style(Section):
    width: float = Field(ge=1, le=20, description="inches; a column of a two-column paper is about 3.3")
    height: float = Field(ge=1, le=20, description="inches")
    font_size: float = Field(ge=4, le=30, description="points")
    palette: Literal["colorblind", "deep", "muted", "dark"]
    dpi: int = Field(ge=50, le=1200, description="of the PNG")


class Figures(Section):
    style: Style
    plots: dict[Name, Annotated[Any, Found(PLOT)]] = Field(min_length=1)

    @field_validator("plots")
    @classmethod
    def tables_keep_their_names(cls, plots: dict[str, Any]) -> dict[str, Any]:
        for name, like in ((TABLE, "table"), (SUMMARY, "table"), (REPORT, "page of all")):
            if name in plots:
                raise PydanticCustomError(
                    "reserved",
                    "a figure cannot be named {name} like the {like}; rename it",
                    {"name": repr(name), "like": like},
                )
        return plots


class Compute(Section):
    """How, not what: nothing here changes a result or an address."""

    columns_per_job: Count
    may_not_fit: bool = Field(default=False, description="start although memory or disk seem too small")
