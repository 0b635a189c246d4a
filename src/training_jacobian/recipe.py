"""An artifact's address is its recipe: results/<stage>/<key>/.

The recipe of a stage is what determines its content: the parameters that it and the stages before it read, and digests
of the modules that compute it.  The key is a hash of the recipe.  The run's name, the number of jobs, the threads and
the machine are in no recipe.
"""

import ast
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from training_jacobian import reading
from training_jacobian.datasets import dataset
from training_jacobian.integrity import file_digest
from training_jacobian.models import model
from training_jacobian.params import FileInitial, Params, Run
from training_jacobian.vouched import SAME

Recipe = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """What one stage adds to the recipe of the stage before it."""

    after: str | None
    reads: tuple[str, ...]  # parameters, as sections of a run, or a section of params.yaml
    code: Callable[[Run], tuple[str, ...]]  # modules that compute it


OPERATOR = ("trajectory", "jacobian", "linear_operator", "stages.stored")

STAGES = {
    "data": Stage(
        None,
        ("data",),
        lambda run: (
            *("data", *dataset(run.data.name).CODE, "stages.data"),
            *(("variants", "stages.variants") if run.data.varied else ()),
        ),
    ),
    "train": Stage(
        "data",
        ("model", "initial", "training"),
        lambda run: (
            *("initial", "layout", "training", "stages.problem", "stages.train"),
            *(f"models.{run.model.name}", *(("models.layered_gradient",) if model(run.model.name).feeds else ())),
        ),
    ),
    "jacobian": Stage("train", (), lambda run: (*OPERATOR, "stages.columns", "stages.gather")),
    "triplets": Stage("train", ("svd",), lambda run: (*OPERATOR, "partial_svd", "remembered", "stages.triplets")),
    "density": Stage("triplets", ("density",), lambda run: ("density", "stages.density")),
    "responses": Stage("density", ("perturbation",), lambda run: ("endpoint", "perturbation", "stages.responses")),
    "svd": Stage("jacobian", (), lambda run: ("svd", "stages.svd")),
    "identity": Stage("jacobian", (), lambda run: ("svd", "stages.identity")),
    "spectrum": Stage("svd", ("spectrum",), lambda run: ("exact_bulk", "invariance", "spectrum", "stages.spectrum")),
    "perturbation": Stage("svd", ("perturbation",), lambda run: ("endpoint", "perturbation", "stages.perturbation")),
    "behaviour": Stage(
        "svd", ("behaviour",), lambda run: ("behaviour", "exact_bulk", "invariance", "stages.behaviour")
    ),
    "subspace": Stage(
        "svd", ("subspace",), lambda run: ("endpoint", "subspace_training", "subspaces", "stages.subspace")
    ),
    "pfj": Stage("svd", ("pfj",), lambda run: ("exact_bulk", "invariance", "pfj", "subspaces", "stages.pfj")),
    # of two runs, `from` one `with` another
    "angles": Stage("svd", ("angles",), lambda run: ("exact_bulk", "invariance", "subspaces", "stages.angles")),
}
ANALYSES = (
    *("triplets", "density", "responses", "identity"),
    *("spectrum", "perturbation", "behaviour", "subspace", "pfj", "angles"),
)
# of every run, by how its SVD is made; the others where a figure shows them
CORE = ("data", "train", "jacobian", "svd", "spectrum")
PARTIAL = ("data", "train", "triplets")


def canonical(recipe: Any) -> str:
    """The one JSON text of a recipe."""
    return json.dumps(recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key(recipe: Recipe) -> str:
    """12 hexadecimal digits of the SHA-256 of the recipe."""
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()[:12]


def path(recipe: Recipe, file: str = "") -> str:
    """results/<stage>/<key>/<file>, relative to the project's root."""
    return f"results/{recipe['stage']}/{key(recipe)}/{file}".rstrip("/")


def _shape_of(node: Any) -> Any:
    """A syntax tree as JSON, without docstrings and whatever differs between Python versions."""
    if isinstance(node, list):
        return [_shape_of(each) for each in node]
    if not isinstance(node, ast.AST):
        return None if node is None else repr(node)
    fields = dict(ast.iter_fields(node))
    body = fields.get("body")
    if isinstance(body, list):
        # a constant standing alone, such as a docstring, computes nothing
        fields["body"] = [
            each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        ]
    if isinstance(node, ast.JoinedStr):  # Python 3.12 and later put empty strings into format specifications
        fields["values"] = [each for each in node.values if getattr(each, "value", None) != ""]
    shapes = {name: _shape_of(value) for name, value in fields.items() if name != "type_ignores"}
    return [type(node).__name__, {name: shape for name, shape in shapes.items() if shape not in (None, [])}]


@cache
def code_digest(module: str) -> str:
    """Digest of a module of this package, e.g. `training`; comments, docstrings, layout and what is vouched for do not
    count.
    """
    found = source_digest(module)
    return SAME.get((module, found), found)


def source_digest(module: str) -> str:
    """As `code_digest`, of the source as it is."""
    source = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    return hashlib.sha256(canonical(_shape_of(ast.parse(source))).encode()).hexdigest()[:12]


def recipe(params: Params, run: Run, stage: str, root: Path = Path()) -> Recipe:
    """Recipe of a stage of a run of the project at `root`; that of the stage before it stands in it under `from`."""
    step = STAGES[stage]
    parameters = {}
    for section in step.reads:
        owner = run if section in type(run).model_fields else params
        parameters[section] = getattr(owner, section).model_dump(exclude_defaults=True)
    if "initial" in parameters and isinstance(run.initial, FileInitial):
        # by its content, not its name
        parameters["initial"] = {"name": "file", "sha256": file_digest(Path(run.initial.path))}
    reads = {"data": lambda: dataset(run.data.name), "train": lambda: model(run.model.name)}
    files = reading.contents(reads[stage](), root) if stage in reads else {}
    made: Recipe = {
        "stage": stage,
        "parameters": parameters,
        **({"files": files} if files else {}),
        "code": {module: code_digest(module) for module in step.code(run)},
    }
    return {**made, "from": recipe(params, run, step.after, root)} if step.after else made


def comparison(params: Params, first: Run, second: Run, root: Path = Path()) -> Recipe:
    """Recipe of the angles between the bulks of two runs; that of the second one's SVD stands under `with`."""
    return {**recipe(params, first, "angles", root), "with": recipe(params, second, "svd", root)}


def ancestors(recipe: Recipe) -> dict[str, Recipe]:
    """Recipes of the stage and of all before it, by stage."""
    made = {recipe["stage"]: recipe}
    return {**made, **ancestors(recipe["from"])} if "from" in recipe else made


def parameters(recipe: Recipe) -> dict[str, Any]:
    """All parameters that the stage and those before it read, by section."""
    return {name: value for each in ancestors(recipe).values() for name, value in each["parameters"].items()}


def check_code(recipe: Recipe) -> None:
    """Raise RuntimeError if the code is no longer that of the recipe: edited while the workflow was running."""
    for each in [*ancestors(recipe).values(), *ancestors(recipe.get("with", recipe)).values()]:
        for module, digest in each["code"].items():
            if code_digest(module) != digest:
                raise RuntimeError(f"{module} was edited after the workflow was started; run the same command again")
        reading.check(each.get("files", {}))
