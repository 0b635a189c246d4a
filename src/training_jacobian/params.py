"""params.yaml as frozen pydantic models: the one source of allowed keys, bounds and units.

A field with a default here is an option that is *off*: it is left out of recipes while it has that default, so that an
option added later changes no address.  Every other value stands in params.yaml.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from training_jacobian import analyses
from training_jacobian.analyses import Dimensions
from training_jacobian.data_params import Data
from training_jacobian.datasets import dataset
from training_jacobian.invariance import keeps_exact_bulk
from training_jacobian.kinds import KINDS
from training_jacobian.layout import shapes_of, size
from training_jacobian.optimizers import Optimizer, Schedule
from training_jacobian.section import Count, Name, Power, Section, Seed, nearest, refuse, refuse_lost

METHOD = {
    "triplets": "partial",
    "density": "partial",
    "responses": "partial",
}  # of the SVD that a stage shows; else "dense"
# sections of params.yaml that tell how, where it is not the one of that name
SECTIONS: dict[str, tuple[str, ...]] = {"triplets": (), "identity": (), "responses": ("density", "perturbation")}


Activation = Annotated[
    Literal["gelu", "relu", "silu", "softplus", "sigmoid", "tanh"], Field(description="gelu: tanh form")
]


class Mlp(Section):
    name: Literal["mlp"]
    hidden: list[Count] = Field(description="widths of the hidden layers; [] is softmax regression")
    activation: Activation


class Lenet5(Section):
    """For images of 28x28 grey pixels."""

    name: Literal["lenet5"]
    activation: Activation


class RandomInitial(Section):
    name: Literal["random"]
    seed: Seed
    bias_std: float = Field(ge=0, description="biases are N(0, bias_std^2); kernels LeCun normal")

    @model_validator(mode="after")
    def drawn_as_written(self) -> "RandomInitial":
        refuse_lost(self, "float32")  # whatever the run's dtype
        if self.bias_std > 6e37:  # times 5.42, the largest of a draw
            refuse(f"bias_std = {self.bias_std!r} makes biases that are infinite in float32; choose at most 6e+37")
        return self


class FileInitial(Section):
    name: Literal["file"]
    path: str = Field(description=".npy file of theta_0 (N,), relative to the project's root")


class Training(Section):
    optimizer: Optimizer
    schedule: Schedule
    epochs: Count
    batch_size: Count
    dtype: Literal["float32", "float64"] = Field(description="of training and of its Jacobian; the SVD is in float64")
    clip_norm: Annotated[float | None, Power(2)] = Field(
        default=None, gt=0, description="largest norm of a gradient; longer ones are scaled"
    )
    may_diverge: bool = Field(default=False, description="keep a training that explodes; else it stops with its step")

    @model_validator(mode="after")
    def trained_as_written(self) -> "Training":
        refuse_lost(self, self.dtype)
        return self


class DenseSvd(Section):
    """J is formed and decomposed."""

    method: Literal["dense"] = "dense"


class PartialSvd(Section):
    """The largest singular triplets from products with J, which is never formed."""

    method: Literal["partial"]
    rank: Count = Field(description="number of triplets")
    operators: list[Literal["J", "J_minus_identity"]] = Field(min_length=1, description="whose triplets")
    tolerance: float = Field(gt=0, lt=1, description="largest error of a singular value, as a part of it")
    products: Count = Field(description="at most so many products with vectors by J, and by J^T, for each operator")
    block: Count = Field(description="vectors that are multiplied together")
    seed: Seed = Field(description="of the vectors it starts from")

    @model_validator(mode="after")
    def products_suffice(self) -> "PartialSvd":
        if self.products < self.rank:
            refuse(f"products = {self.products} cannot give rank = {self.rank} triplets; raise it")
        if len(set(self.operators)) < len(self.operators):
            refuse(f"operators = {self.operators} names one twice; remove it")
        return self


class Run(Section):
    data: Data
    model: Annotated[Mlp | Lenet5, Field(discriminator="name")]
    initial: Annotated[RandomInitial | FileInitial, Field(discriminator="name")]
    training: Training
    svd: Annotated[DenseSvd | PartialSvd, Field(discriminator="method")] = DenseSvd()

    @model_validator(mode="after")
    def sizes_agree(self) -> "Run":
        if isinstance(self.model, Lenet5) and dataset(self.data.name).INPUTS != 28 * 28:
            refuse(
                f"model.name = 'lenet5' is for images of 28x28 grey pixels, not for {self.data.name}; choose another"
            )
        if isinstance(self.model, Lenet5) and isinstance(self.svd, DenseSvd):
            refuse("the J of lenet5 would take 30 GB; choose svd.method = 'partial'")
        if self.data.train_size % self.training.batch_size:
            batch, train = self.training.batch_size, self.data.train_size
            refuse(f"training.batch_size = {batch} does not divide the {train} training examples; change one")
        if isinstance(self.svd, PartialSvd) and self.svd.rank > self.size:
            refuse(f"svd.rank = {self.svd.rank} is above the {self.size} parameters; lower it")
        return self

    @property
    def steps(self) -> int:
        """T, the number of optimizer steps."""
        return self.training.epochs * (self.data.train_size // self.training.batch_size)

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
    density: analyses.Density | None = None
    figures: analyses.Figures
    summary: analyses.Summary | None = None
    compute: analyses.Compute

    @model_validator(mode="after")
    def figures_can_be_made(self) -> "Params":
        for name, plot in self.figures.plots.items():
            where, stage = f"figures.plots.{name}", KINDS[plot.kind].stage
            for run in plot.named:
                self._known(where, run)
            for section in SECTIONS.get(stage, (stage,)):
                if getattr(self, section) is None:
                    refuse(f"{where}: there is no section {section!r} to tell how; add it")
            for run in self.plotted(name):
                self._method_fits(where, stage, run)
                self._fits(where, stage, run, self.runs[self.plotted(name)[0]])
        for part, runs in (self.summary.parts if self.summary else {}).items():
            for run in runs:
                self._known(f"summary.{part}", run)
        return self

    def _known(self, where: str, run: str) -> None:
        if run not in self.runs:
            refuse(f"{where}: no run {run!r}; {nearest(run, list(self.runs))}")

    def _method_fits(self, where: str, stage: str, name: str) -> None:
        """Triplets are of runs with a partial SVD, everything else is of runs with a dense one."""
        method = METHOD.get(stage, "dense")
        if self.runs[name].svd.method != method:
            refuse(f"{where}: run {name!r} has svd.method {self.runs[name].svd.method!r}, and this needs {method!r}")
        run = self.runs[name]
        if stage in ("density", "responses") and self.density and isinstance(run.svd, PartialSvd):
            if stage == "responses" and "J" not in run.svd.operators:
                refuse(f"{where}: svd.operators of run {name!r} lacks 'J', whose v_1 it needs; add it")
            if self.density.steps > run.size - run.svd.rank:
                refuse(f"{where}: density.steps = {self.density.steps} are too many for run {name!r}; lower it")

    def _fits(self, where: str, stage: str, name: str, first: Run) -> None:
        """The dimensions of subspaces must fit the run; runs compared must have one size and float64."""
        run, settings = self.runs[name], getattr(self, stage, None)
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
        if stage in ("pfj", "angles") and not keeps_exact_bulk(run.training.optimizer.model_dump()):
            refuse(f"{where}: run {name!r} has no exact bulk to tell apart; choose a run with SGD and no weight decay")
        outputs = min(run.data.test_size, run.data.train_size) * (dataset(run.data.name).CLASSES - 1)
        if stage == "pfj" and outputs < run.size:
            refuse(
                f"{where}: run {name!r} has {outputs} independent outputs on its training or test inputs, fewer than "
                f"its {run.size} parameters; change its data.test_size"
            )

    def plotted(self, plot: str) -> list[str]:
        """Names of the runs in a plot; `all` are those whose SVD it can show."""
        chosen = self.figures.plots[plot]
        fitting = [
            name for name, run in self.runs.items() if run.svd.method == METHOD.get(KINDS[chosen.kind].stage, "dense")
        ]
        return fitting if chosen.runs == "all" else chosen.named


def merge(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it; a mapping of another `name` or `method` replaces the whole of it."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    if any(changes.get(key, base.get(key)) != base.get(key) for key in ("name", "method")):
        return changes
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in changes.items()}}
