"""params.yaml as frozen pydantic models: the one source of allowed keys, bounds and units.

A field with a default here is an option that is *off*: it is left out of recipes while it has that default, so that an
option added later changes no address.  Every other value stands in params.yaml.
"""

import difflib
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from training_jacobian.datasets import dataset
from training_jacobian.layout import shapes_of, size

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, le=10**7)]


TABLE = "runs"  # results/figs/runs.csv, of all runs


def nearest(word: object, allowed: list[str]) -> str:
    """Hint for an error message: the nearest of the allowed words, and all of them."""
    close = difflib.get_close_matches(str(word), allowed, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + "allowed: " + ", ".join(map(repr, allowed))


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, Mapping) else ():
            if key not in cls.model_fields:
                hint = nearest(key, list(cls.model_fields))
                raise PydanticCustomError("unknown_key", "unknown key {key}; {hint}", {"key": repr(key), "hint": hint})
        return values


class Data(Section):
    name: Literal["digits"]
    test_size: Count = Field(description="examples held out for testing")
    split_seed: Seed
    stratify: bool = Field(default=False, description="keep the proportion of classes in both parts")
    labels: Literal["true", "shuffled"] = Field(default="true", description="of the training examples")
    inputs: Literal["images", "white_noise"] = Field(default="images", description="white noise: uniform [0, 1)")
    variant_seed: Seed = Field(default=0, description="of the shuffled labels and of the white noise")

    @property
    def varied(self) -> bool:
        """Whether anything of the data set is replaced."""
        return self.labels != "true" or self.inputs != "images"


class Mlp(Section):
    name: Literal["mlp"]
    hidden: list[Count] = Field(description="widths of the hidden layers; [] is softmax regression")
    activation: Literal["gelu", "relu", "silu", "softplus", "sigmoid", "tanh"] = Field(description="gelu: tanh form")


class RandomInitial(Section):
    name: Literal["random"]
    seed: Seed
    bias_std: float = Field(ge=0, description="biases are N(0, bias_std^2); kernels LeCun normal")


class FileInitial(Section):
    name: Literal["file"]
    path: str = Field(description=".npy file of theta_0 (N,), relative to the project's root")


class Sgd(Section):
    name: Literal["sgd"]
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1, description="0 is plain SGD")
    nesterov: bool = False


class Constant(Section):
    name: Literal["constant"]


class Cosine(Section):
    """Learning rate times (1 + cos(pi t / T)) / 2 over all T steps."""

    name: Literal["cosine"]


class Training(Section):
    optimizer: Sgd
    schedule: Annotated[Constant | Cosine, Field(discriminator="name")]
    epochs: Count
    batch_size: Count
    dtype: Literal["float32", "float64"] = Field(description="of training and of its Jacobian; the SVD is in float64")


class Run(Section):
    data: Data
    model: Mlp
    initial: Annotated[RandomInitial | FileInitial, Field(discriminator="name")]
    training: Training

    @model_validator(mode="after")
    def sizes_agree(self) -> "Run":
        examples = dataset(self.data.name).EXAMPLES
        if self.data.test_size >= examples:
            raise PydanticCustomError(
                "test_size",
                "data.test_size = {size} leaves no training example of {all}; lower it",
                {"size": self.data.test_size, "all": examples},
            )
        classes = dataset(self.data.name).CLASSES
        if self.data.stratify and min(self.data.test_size, examples - self.data.test_size) < classes:
            raise PydanticCustomError(
                "stratify",
                "data.stratify needs at least {classes} examples in either part, data.test_size is {size}; change it",
                {"classes": classes, "size": self.data.test_size},
            )
        if (examples - self.data.test_size) % self.training.batch_size:
            raise PydanticCustomError(
                "batch_size",
                "training.batch_size = {batch} does not divide the {train} training examples; change one",
                {"batch": self.training.batch_size, "train": examples - self.data.test_size},
            )
        return self

    @property
    def steps(self) -> int:
        """T, the number of optimizer steps."""
        return self.training.epochs * (
            (dataset(self.data.name).EXAMPLES - self.data.test_size) // self.training.batch_size
        )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parts of theta, in order."""
        return shapes_of(self.data.model_dump(), self.model.model_dump())

    @property
    def size(self) -> int:
        """N, the number of parameters."""
        return size(self.shapes)


class Spectrum(Section):
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=1)
    bulk_tolerance: float = Field(gt=0, lt=1, description="bulk: |sigma - 1| <= this")

    @field_validator("thresholds")
    @classmethod
    def fall(cls, values: list[float]) -> list[float]:
        if any(a <= b for a, b in pairwise(values)):
            raise PydanticCustomError("thresholds", "must fall from each value to the next")
        return values


class Style(Section):
    width: float = Field(ge=1, le=20, description="inches; a column of a two-column paper is about 3.3")
    height: float = Field(ge=1, le=20, description="inches")
    font_size: float = Field(ge=4, le=30, description="points")
    palette: Literal["colorblind", "deep", "muted", "dark"]
    dpi: int = Field(ge=50, le=1200, description="of the PNG")


RunNames = Annotated[list[Name], Field(min_length=1)]


class Plot(Section):
    kind: Literal["spectrum", "uv_cosine", "bird"]
    runs: RunNames | Literal["all"] = Field(description="names of runs in the order of the legend, or all")


class Figures(Section):
    style: Style
    plots: dict[Name, Plot] = Field(min_length=1)

    @field_validator("plots")
    @classmethod
    def table_keeps_its_name(cls, plots: dict[str, Plot]) -> dict[str, Plot]:
        if TABLE in plots:
            raise PydanticCustomError("reserved", "a figure cannot be named 'runs' like the table; rename it")
        return plots


class Compute(Section):
    """How, not what: nothing here changes a result or an address."""

    columns_per_job: Count


class Params(Section):
    defaults: Run
    runs: dict[Name, Run] = Field(min_length=1)
    spectrum: Spectrum
    figures: Figures
    compute: Compute

    @field_validator("figures")
    @classmethod
    def runs_of_figures_exist(cls, figures: Figures, info: ValidationInfo) -> Figures:
        known = list(info.data.get("runs", {}))
        for name, plot in figures.plots.items():
            for run in plot.runs if known and plot.runs != "all" else ():
                if run not in known:
                    raise PydanticCustomError(
                        "unknown_run",
                        "plots.{plot}.runs: no run {run}; {hint}",
                        {"plot": name, "run": repr(run), "hint": nearest(run, known)},
                    )
        return figures

    def plotted(self, plot: str) -> list[str]:
        """Names of the runs in a plot."""
        runs = self.figures.plots[plot].runs
        return list(self.runs) if runs == "all" else list(runs)


def merge(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it; a mapping of another `name` replaces the whole of it."""
    if not (isinstance(base, dict) and isinstance(changes, dict)) or changes.get("name", base.get("name")) != base.get(
        "name"
    ):
        return changes
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in changes.items()}}
