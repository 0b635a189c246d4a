"""params.yaml as frozen pydantic models: the one source of allowed keys, bounds and units.

A field with a default here is an option that is *off*: it is left out of recipes while it has that default, so that an
option added later changes no address.  Every other value stands in params.yaml.
"""

from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from training_jacobian import analyses
from training_jacobian.analyses import Dimensions
from training_jacobian.datasets import dataset
from training_jacobian.kinds import KINDS
from training_jacobian.layout import shapes_of, size
from training_jacobian.section import Count, Name, Section, Seed, nearest


def refuse(message: str) -> NoReturn:
    """Raise what pydantic reports."""
    raise PydanticCustomError("refused", "{message}", {"message": message})


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

    @model_validator(mode="after")
    def seed_has_a_use(self) -> "Data":
        if self.variant_seed and not self.varied:
            refuse("variant_seed is of shuffled labels or white-noise inputs, and neither is chosen; remove it")
        return self


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


class Params(Section):
    defaults: Run
    runs: dict[Name, Run] = Field(min_length=1)
    spectrum: analyses.Spectrum
    perturbation: analyses.Perturbation | None = None
    behaviour: analyses.Behaviour | None = None
    subspace: analyses.Subspace | None = None
    angles: analyses.Angles | None = None
    pfj: analyses.Pfj | None = None
    figures: analyses.Figures
    summary: analyses.Summary | None = None
    compute: analyses.Compute

    @model_validator(mode="after")
    def figures_can_be_made(self) -> "Params":
        for name, plot in self.figures.plots.items():
            where, stage = f"figures.plots.{name}", KINDS[plot.kind].stage
            for run in plot.named:
                self._known(where, run)
            if getattr(self, stage) is None:
                refuse(f"{where}: there is no section {stage!r} to tell how; add it")
            for run in self.plotted(name):
                self._fits(where, stage, run, self.runs[self.plotted(name)[0]])
        for part, runs in (self.summary.parts if self.summary else {}).items():
            for run in runs:
                self._known(f"summary.{part}", run)
        return self

    def _known(self, where: str, run: str) -> None:
        if run not in self.runs:
            refuse(f"{where}: no run {run!r}; {nearest(run, list(self.runs))}")

    def _fits(self, where: str, stage: str, name: str, first: Run) -> None:
        """The dimensions of subspaces must fit the run; runs compared must have one size and float64."""
        run, settings = self.runs[name], getattr(self, stage)
        dimensions: Dimensions | None = getattr(settings, "dimensions", None)
        most, bound = (run.size // 2, "half the") if stage == "angles" else (run.size, "the")
        if dimensions and dimensions.stop > most:
            refuse(
                f"{stage}.dimensions.stop = {dimensions.stop} is above {most}, {bound} parameters of run {name!r} in "
                f"{where}; lower it"
            )
        if stage == "pfj" and run.training.dtype != "float64":
            refuse(
                f"{where}: run {name!r} is in {run.training.dtype}, which hides its exact bulk; choose a float64 run"
            )
        if stage == "angles" and (run.training.dtype != "float64" or run.size != first.size):
            refuse(f"{where}: run {name!r} cannot be compared; all must be in float64 and have as many parameters")
        facts = dataset(run.data.name)
        outputs = min(run.data.test_size, facts.EXAMPLES - run.data.test_size) * (facts.CLASSES - 1)
        if stage == "pfj" and outputs < run.size:
            refuse(
                f"{where}: run {name!r} has {outputs} independent outputs on its training or test inputs, fewer than "
                f"its {run.size} parameters; change its data.test_size"
            )

    def plotted(self, plot: str) -> list[str]:
        """Names of the runs in a plot."""
        runs = self.figures.plots[plot].runs
        return list(self.runs) if runs == "all" else self.figures.plots[plot].named


def merge(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it; a mapping of another `name` replaces the whole of it."""
    if not (isinstance(base, dict) and isinstance(changes, dict)) or changes.get("name", base.get("name")) != base.get(
        "name"
    ):
        return changes
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in changes.items()}}
