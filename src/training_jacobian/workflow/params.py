"""params.yaml as frozen pydantic models: the one source of allowed keys, bounds and units.

A field with a default here is an option that is *off*: it is left out of recipes while it has that default, so that an
option added later changes no address.  Every other value stands in params.yaml.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from training_jacobian.figures.papers import SUMMARY
from training_jacobian.learning.components import chosen, component, options
from training_jacobian.learning.layout import Shapes, shapes_of, size
from training_jacobian.section import Count, Found, Name, Power, Section, Seed, nearest, refuse, refuse_at, refuse_lost
from training_jacobian.stages import COMPONENTS
from training_jacobian.workflow import catalog, own, sections, sweeps
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.sweeps import Sweep


class RandomInitial(Section):
    name: Literal["random"]
    seed: Seed
    bias_std: float | None = Field(
        default=None,
        ge=0,
        description="biases are N(0, bias_std^2), kernels LeCun normal; needed but for a model from a file, "
        "which draws by itself",
    )

    @model_validator(mode="after")
    def drawn_as_written(self) -> "RandomInitial":
        refuse_lost(self, "float32")  # whatever the run's dtype
        if self.bias_std is not None and self.bias_std > 6e37:  # times 5.42, the largest of a draw
            refuse(f"bias_std = {self.bias_std!r} makes biases that are infinite in float32; choose at most 6e+37")
        return self


class FileInitial(Section):
    name: Literal["file"]
    path: str = Field(description=".npy file of theta_0 (N,), relative to the project's root")


class Training(Section):
    optimizer: Annotated[Any, Found(options("optimizers"))]
    schedule: Annotated[Any, Found(options("schedules"))]
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


class NoSvd(Section):
    """J is neither formed nor decomposed: for runs that other analyses are of."""

    method: Literal["none"]


class Run(Section):
    data: Annotated[Any, Found(options("datasets"))]
    model: Annotated[Any, Found(options("models"))]
    initial: Annotated[RandomInitial | FileInitial, Field(discriminator="name")]
    training: Training
    loss: Annotated[Any, Found(options("losses"))] = component("losses", "cross_entropy").Options(name="cross_entropy")
    order: Annotated[Any, Found(options("orders"))] = component("orders", "stored").Options(name="stored")
    svd: Annotated[DenseSvd | PartialSvd | NoSvd, Field(discriminator="method")] = DenseSvd()

    @model_validator(mode="after")
    def sizes_agree(self) -> "Run":
        own.check(self)
        try:
            count = self.size
        except ValueError as error:
            refuse(f"model.name = {self.model.name!r}: {error}")
        batch, train = self.training.batch_size, self.data.train_size
        if batch > train:
            refuse(f"training.batch_size = {batch} is above the {train} training examples; lower it")
        if train % batch and not self.order.drop_last:
            refuse(
                f"training.batch_size = {batch} does not divide the {train} training examples; change one, or leave "
                "out what is left over: order.drop_last = true"
            )
        if isinstance(self.svd, PartialSvd) and self.svd.rank > count:
            refuse(f"svd.rank = {self.svd.rank} is above the {count} parameters; lower it")
        return self

    def chosen(self, section: str) -> Any:
        """The section that names a component, e.g. `data` or `training.optimizer`."""
        found: Any = self
        for name in section.split("."):
            found = getattr(found, name)
        return found

    def facts(self, section: str) -> Any:
        """The component that a section names: its module, or what is made of the user's file."""
        return chosen(COMPONENTS[section], self.chosen(section).model_dump())

    @property
    def steps(self) -> int:
        """T, the number of optimizer steps."""
        return int(self.training.epochs * (self.data.train_size // self.training.batch_size))

    @property
    def shapes(self) -> Shapes:
        """Names and shapes of the parts of theta, in order."""
        return shapes_of(self.data.model_dump(), self.model.model_dump())

    @property
    def size(self) -> int:
        """N, the number of parameters."""
        return size(self.shapes)

    @property
    def keeps_untouched(self) -> bool:
        """Whether its optimizer leaves directions that no gradient touches as they are: else it has no exact bulk."""
        return bool(self.facts("training.optimizer").keeps_untouched(self.training.optimizer.model_dump()))


class _Params(Section):
    """All of params.yaml but the sections of analyses."""

    defaults: Run
    runs: dict[Name, Run] = Field(min_length=1)
    sweeps: dict[Name, Sweep] = Field(default={}, description="runs by values to vary")
    figures: sections.Figures
    summary: Annotated[Any, Found(SUMMARY | None)] = None
    compute: sections.Compute

    @model_validator(mode="after")
    def runs_have_what_all_have(self) -> "_Params":
        methods = {run.svd.method for run in self.runs.values()}
        for name, each in ANALYSES.items():
            needed = each.always and each.settings and (each.method is None or each.method in methods)
            if needed and self.settings(name) is None:
                refuse_at((name,), None, None)
        return self

    @model_validator(mode="after")
    def figures_can_be_made(self) -> "_Params":
        for name, plot in self.figures.plots.items():
            where, stage = f"figures.plots.{name}", catalog.shown(plot.kind)
            for run in sections.named(plot):
                self._known(where, run)
            if stage is None:
                continue
            for section in catalog.sections(stage):
                if self.settings(section) is None:
                    refuse(f"{where}: there is no section {section!r} to tell how; add it")
            for run in self.plotted(name):
                self._can_have(where, stage, run, self.plotted(name)[0])
                self._alike(where, KINDS[plot.kind][1].alike, run, self.plotted(name)[0])
        for part, runs in (self.summary.parts if self.summary else {}).items():
            for run in runs:
                self._known(f"summary.{part}", run)
        return self

    def varied(self, run: str) -> dict[str, Any]:
        """What tables say of a run of a sweep: the values that were varied, by column."""
        made: dict[str, Any] = {}
        for sweep, values in self.sweeps.items():
            made |= dict(zip(sweeps.names(sweep, values), sweeps.told(values), strict=True)).get(run, {})
        return made

    def settings(self, section: str) -> Any:
        """The section of an analysis; None if there is none."""
        return getattr(self, section, None)

    def _known(self, where: str, run: str) -> None:
        if run not in self.runs:
            refuse(f"{where}: no run {run!r}; {nearest(run, list(self.runs))}")

    def _can_have(self, where: str, stage: str, name: str, first: str) -> None:
        """Raise if a run cannot have an analysis, or one that it comes after."""
        run = self.runs[name]
        for each in reversed(catalog.chain(stage)):
            method = catalog.method(each)
            if method not in (None, run.svd.method):
                refuse(f"{where}: run {name!r} has svd.method {run.svd.method!r}, and this needs {method!r}")
            try:
                ANALYSES[each].check(self.settings(each), run, self.runs[first])
            except PydanticCustomError as error:
                refuse(f"{where}: run {name!r}: {error.message()}")

    def _alike(self, where: str, components: tuple[str, ...], name: str, first: str) -> None:
        """Raise if two runs that are drawn together do not share a component."""
        for each in components:
            one, other = (self._called(getattr(self.runs[run], each)) for run in (first, name))
            if one != other:
                refuse(f"{where}: run {first!r} has {each} {one!r} and run {name!r} {other!r}; draw them apart")

    @staticmethod
    def _called(chosen: Any) -> str:
        """What tells a component: its name, or its file."""
        return str(chosen.path if chosen.name == "file" else chosen.name)

    def plotted(self, plot: str) -> list[str]:
        """Names of the runs in a plot; `all` are those whose SVD it can show."""
        chosen = self.figures.plots[plot]
        analysis = catalog.shown(chosen.kind)
        method = catalog.method(analysis) if analysis else None
        fitting = [name for name, run in self.runs.items() if method in (None, run.svd.method)]
        return fitting if getattr(chosen, "runs", None) == "all" else sections.named(chosen)


_OF_ANALYSES: Any = {name: (model | None, None) for name, model in catalog.SETTINGS.items()}
Params: Any = create_model("Params", __base__=_Params, **_OF_ANALYSES)


def merge(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it; a mapping of another `name` or `method` replaces the whole of it."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    if any(changes.get(key, base.get(key)) != base.get(key) for key in ("name", "method")):
        return changes
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in changes.items()}}
