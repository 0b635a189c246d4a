"""Models of the analyses and of the figures in params.yaml."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from training_jacobian.section import Count, Name, Section, Seed, refuse

TABLE, SUMMARY = "runs", "summary"  # results/figs/runs.csv, of all runs; results/figs/summary.csv, of the statements


def rising(section: Any) -> Any:
    """Raise if a grid does not rise from `start` to `stop`."""
    if section.num > 1 and section.start >= section.stop:
        values = {"start": section.start, "stop": section.stop}
        raise PydanticCustomError("grid", "start = {start} is not below stop = {stop}; change one", values)
    return section


class Sizes(Section):
    """Spaced evenly on a log scale."""

    start: float = Field(gt=0)
    stop: float = Field(gt=0)
    num: Count

    check = model_validator(mode="after")(rising)


class Dimensions(Section):
    """Spaced evenly, rounded down."""

    start: Count
    stop: Count = Field(description="at most N; for angles N / 2; for the PFJ N without the exact bulk")
    num: Count

    check = model_validator(mode="after")(rising)


class Spectrum(Section):
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=1)
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this")

    @field_validator("thresholds")
    @classmethod
    def fall(cls, values: list[float]) -> list[float]:
        if any(a <= b for a, b in pairwise(values)):
            raise PydanticCustomError("thresholds", "must fall from each value to the next")
        return values


class Perturbation(Section):
    sizes: Sizes = Field(description="of the step in theta_0, Euclidean norm")
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this; the one in its middle is taken")
    linear_tolerance: float = Field(gt=0, lt=1, description="linear: relative error along u at most this")
    seed: Seed = Field(description="of the random direction")


class Behaviour(Section):
    size: float = Field(gt=0, le=100, description="of the step in theta_T, Euclidean norm")
    seed: Seed = Field(description="of the white-noise inputs")


class Subspace(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the random subspaces")


class Angles(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the random subspaces")


class Pfj(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the white-noise inputs and of the random subspaces")


class Density(Section):
    """Of runs with a partial SVD: how many singular values of J - I lie below thresholds."""

    thresholds: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    probes: int = Field(ge=2, le=1000, description="random vectors: the more, the smaller the statistical error")
    steps: int = Field(ge=4, le=10**5, description="of Lanczos: twice as many resolve twice as finely")
    seed: Seed = Field(description="of the probes")


class Summary(Section):
    """Which runs play which part in the table of the paper's statements; a part without a run has no rows."""

    paper: Name
    seeds: list[Name] = Field(default=[], description="further runs of the same setup: error bars")
    shuffled_labels: Name | None = None
    white_noise: Name | None = None
    pfj: Name | None = None

    @property
    def parts(self) -> dict[str, list[str]]:
        """Names of the runs that play each part."""
        others = {part: getattr(self, part) for part in ("shuffled_labels", "white_noise", "pfj")}
        return {
            "paper": [self.paper],
            "seeds": list(self.seeds),
            **{part: [run] for part, run in others.items() if run is not None},
        }


class Style(Section):
    width: float = Field(ge=1, le=20, description="inches; a column of a two-column paper is about 3.3")
    height: float = Field(ge=1, le=20, description="inches")
    font_size: float = Field(ge=4, le=30, description="points")
    palette: Literal["colorblind", "deep", "muted", "dark"]
    dpi: int = Field(ge=50, le=1200, description="of the PNG")


RunNames = Annotated[list[Name], Field(min_length=1)]
SubspaceKind = Literal["bulk", "complement", "chaotic", "stable", "random"]

# options of a plot, and the kinds that have them
OPTIONS = {
    "comparisons": {"angles"},
    "exact_bulk": {"angles", "pfj_overlap"},
    "subspaces": {"subspace"},
    "published": {"triplets"},
}


class Published(Section):
    """Singular values of J that others have found."""

    index: list[Count]
    sigma: list[Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def are_pairs(self) -> "Published":
        if len(self.index) != len(self.sigma):
            refuse(f"index has {len(self.index)} values and sigma {len(self.sigma)}; give as many")
        return self


class Plot(Section):
    kind: Literal[
        "spectrum",
        "uv_cosine",
        "identity",
        "triplets",
        "density",
        "responses",
        "responses_linearity",
        "bird",
        "perturbation",
        "linearity",
        "divergence",
        "displacement",
        "subspace",
        "angles",
        "pfj_spectrum",
        "pfj_overlap",
        "pfj_nullity",
    ]
    runs: RunNames | Literal["all"] | None = Field(default=None, description="in the order of the legend")
    comparisons: dict[Name, Annotated[list[Name], Field(min_length=2)]] | None = Field(
        default=None, description="of angles: a name and the runs compared, each with each"
    )
    exact_bulk: Literal["kept", "removed"] = "kept"
    published: Published | None = Field(default=None, description="of triplets: to be drawn beside those of J")
    subspaces: list[SubspaceKind] | None = Field(default=None, description="of subspace: which kinds; all")

    @model_validator(mode="after")
    def options_fit_the_kind(self) -> "Plot":
        for option, kinds in OPTIONS.items():
            if option in self.model_fields_set and self.kind not in kinds:
                raise PydanticCustomError(
                    "option",
                    "a figure of kind {kind} has no {option}; remove it",
                    {"kind": repr(self.kind), "option": repr(option)},
                )
        needed, other = ("comparisons", "runs") if self.kind == "angles" else ("runs", "comparisons")
        if getattr(self, needed) is None or getattr(self, other) is not None:
            raise PydanticCustomError(
                "option",
                "a figure of kind {kind} needs {needed}, not {other}",
                {"kind": repr(self.kind), "needed": repr(needed), "other": repr(other)},
            )
        return self

    @property
    def named(self) -> list[str]:
        """Names of the runs that the plot mentions, apart from `all`."""
        runs = [] if self.runs in (None, "all") else list(self.runs)
        return runs + [run for each in (self.comparisons or {}).values() for run in each]


class Figures(Section):
    style: Style
    plots: dict[Name, Plot] = Field(min_length=1)

    @field_validator("plots")
    @classmethod
    def tables_keep_their_names(cls, plots: dict[str, Plot]) -> dict[str, Plot]:
        for name in (TABLE, SUMMARY):
            if name in plots:
                raise PydanticCustomError(
                    "reserved", "a figure cannot be named {name} like the table; rename it", {"name": repr(name)}
                )
        return plots


class Compute(Section):
    """How, not what: nothing here changes a result or an address."""

    columns_per_job: Count
    may_not_fit: bool = Field(default=False, description="start although memory or disk seem too small")
