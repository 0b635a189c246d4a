"""Params files drawn from the models of params.yaml themselves: a new field or model is drawn without a change here."""

import operator
import re
import types
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from training_jacobian.section import Found, Name, Section
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.loading import ParamsError, parse
from training_jacobian.workflow.params import Params, Run
from training_jacobian.workflow.sweeps import Sweep

SMALL, LARGE = 12, 300  # most integers are small: what is drawn is planned, and should fit a machine
NUMBERS = (0.0, 1.0, 1e-8, 1e-3, 0.1, 0.5, 0.9, 2.0, 30.0)
TRIES = 5
LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
RUNS = ["r0", "r1", "r2"]  # as they are called until all is drawn
WORDS = ["on", "no", "null", "true", "y", "e3", "inf"]  # that YAML takes for something else, or might
Tree = dict[str, Any]
Step = tuple[Any, ...]  # a path
# sections that a run with what they are of needs
ALWAYS = {name: each.settings for name, each in ANALYSES.items() if each.always and each.settings}


def flat(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """The bare type of an annotation and its limits, e.g. {"ge": 0, "pattern": ...}."""
    limits: dict[str, Any] = {}
    while get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        said = [one for each in metadata for one in (each.metadata if isinstance(each, FieldInfo) else [each])]
        annotation = next((one.kind for one in said if isinstance(one, Found)), annotation)
        limits |= {name: getattr(one, name) for one in said for name in LIMITS if hasattr(one, name)}
    return annotation, limits


def within(limits: dict[str, Any], value: float) -> bool:
    """Whether a number keeps the limits."""
    compare = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
    return all(holds(value, limits[name]) for name, holds in compare.items() if name in limits)


def number(kind: type, limits: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A number within limits, seldom a large one."""
    if kind is int:
        low = limits.get("ge", limits.get("gt", -1) + 1)
        high = limits.get("le", limits.get("lt", 2**62) - 1)
        return st.integers(low, min(low + SMALL, high)) | st.integers(low, min(low + LARGE, high))
    usual = st.sampled_from([each for each in NUMBERS if within(limits, each)])
    low, high = limits.get("ge", limits.get("gt", 0)), limits.get("le", limits.get("lt", 1e30))
    return usual | usual | st.floats(low, high).filter(lambda value: within(limits, value))


def drawn(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a type; a Name that is no key is that of a run."""
    kind, limits = flat(annotation)
    origin, arguments, least = get_origin(kind), get_args(kind), limits.get("min_length", 0)
    if "pattern" in limits:
        return st.sampled_from(RUNS)
    if origin in (Union, types.UnionType):
        return st.one_of([drawn(each) for each in arguments if not needs_a_file(each)])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(drawn(arguments[0]), min_size=least, max_size=least + 2)
    if origin is dict:
        return st.dictionaries(names(arguments[0]), drawn(arguments[1]), min_size=least, max_size=least + 2)
    if kind is str:
        return st.from_regex(r"[a-z]{1,8}\.npy", fullmatch=True)
    if kind in (int, float):
        return number(kind, limits)
    if kind in (bool, type(None)):
        return st.sampled_from([True, False] if kind is bool else [None])
    if kind is Sweep:
        return SWEEP
    assert issubclass(kind, Section), f"no strategy for {annotation}"
    return section(kind)


def needs_a_file(kind: Any) -> bool:
    """Whether it is a component from a file: what such a file says, tests/test_file_*.py ask."""
    return (
        isinstance(kind, type)
        and kind.__module__.startswith("training_jacobian.learning.")
        and kind.__module__.endswith(".file")
    )


# options of which only models from files have no need
NEEDED = {"bias_std": st.sampled_from([0.0, 0.125, 1.0])}

# which paths there are, no type says
SWEEP = st.fixed_dictionaries(
    {"vary": st.fixed_dictionaries({"initial.seed": st.lists(st.integers(0, SMALL), min_size=1, max_size=2)})},
    optional={"base": st.sampled_from(RUNS), "together": st.booleans()},
)


def names(annotation: Any) -> st.SearchStrategy[str]:
    """Keys of a mapping; some that YAML takes for something else unless they are quoted."""
    _, limits = flat(annotation)
    free = st.from_regex(limits["pattern"], fullmatch=True).filter(lambda name: len(name) <= limits["max_length"])
    return st.sampled_from(["a", "b", *WORDS]) | free


@cache
def section(model: type[Section]) -> st.SearchStrategy[Tree]:
    """A section; what its own rules refuse is mended by leaving out an option or by another number."""
    fields = {name: drawn(Annotated[field.annotation, field]) for name, field in model.model_fields.items()}
    fields |= {name: each for name, each in NEEDED.items() if name in fields}
    options = {name for name, field in model.model_fields.items() if not field.is_required() and name not in NEEDED}

    @st.composite
    def of_model(draw: Any) -> Tree:
        for _ in range(TRIES):
            tree = {name: draw(each) for name, each in fields.items() if name not in options or draw(st.booleans())}
            for count in range(len(options & tree.keys()) + 1):
                for left_out in combinations(sorted(options & tree.keys()), count):
                    made = mended(draw, model, {name: value for name, value in tree.items() if name not in left_out})
                    if made is not None:
                        return made
        assume(False)
        raise AssertionError

    return of_model()


def mended(draw: Any, model: type[Section], tree: Tree) -> Tree | None:
    """The tree if the model takes it, perhaps with another value of the number that the message names."""
    try:
        model.model_validate(tree)
    except ValidationError as error:
        blamed = re.findall(r"([a-z_0-9.]+) = ", error.errors()[0]["msg"])
    else:
        return tree
    numbers = [path for path, value in leaves(tree) if isinstance(value, int | float)]
    paths = [path for path in numbers if ".".join(map(str, path)) in blamed]
    for path in paths:
        for other in [*draw(st.lists(st.integers(1, SMALL), min_size=6, max_size=6)), 1, 0.5]:
            changed = put(tree, path, type(at(tree, path))(other))
            if accepted(model, changed):
                return changed
    return None


def accepted(model: type[Section], tree: Tree) -> bool:
    """Whether the model takes it."""
    try:
        model.model_validate(tree)
    except ValidationError:
        return False
    return True


def leaves(tree: Any, path: Step = ()) -> Iterator[tuple[Step, Any]]:
    """Path and value of all that is no mapping and no list."""
    if isinstance(tree, dict | list):
        for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
            yield from leaves(value, (*path, key))
    else:
        yield path, tree


def at(tree: Any, path: Step) -> Any:
    """What stands at a path."""
    return at(tree[path[0]], path[1:]) if path else tree


def put(tree: Any, path: Step, value: Any) -> Any:
    """A copy of the tree with another value at a path."""
    if not path:
        return value
    changed = dict(tree) if isinstance(tree, dict) else list(tree)
    changed[path[0]] = put(tree[path[0]], path[1:], value)
    return changed


def fits(tree: Tree) -> bool:
    """Whether it would be loaded, but for files of theta_0 that are not there yet."""
    try:
        parse(tree, Path("/nowhere"))
    except ParamsError as error:
        return "no such file" in str(error)
    return True


def renamed(tree: Any, called: dict[str, str]) -> Any:
    """The tree with the runs called so."""
    if isinstance(tree, dict):
        return {called.get(key, key): renamed(value, called) for key, value in tree.items()}
    if isinstance(tree, list):
        return [renamed(value, called) for value in tree]
    return called.get(tree, tree) if isinstance(tree, str) else tree


@st.composite
def params(draw: Any) -> Tree:
    """A right params file: of its runs, plots and options, those that the rules of the whole file allow."""
    whole = draw(whole_file())
    optional = [name for name, field in Params.model_fields.items() if not field.is_required() and name not in ALWAYS]
    tree = {name: value for name, value in whole.items() if name not in optional}
    tree["runs"] = {RUNS[0]: draw(st.sampled_from([{}, None]))}
    starts = (put(tree, ("figures", "plots"), {"first": {"kind": kind, "runs": RUNS[:1]}}) for kind in KINDS)
    tree = next(start for start in starts if fits(start))
    runs = draw(st.lists(section(Run), max_size=len(RUNS) - 1))
    options = [((), name, whole[name]) for name in optional if name in whole]
    wanted: list[tuple[Step, str, Any]] = [
        *((("runs",), name, part(draw, run)) for name, run in zip(RUNS[1:], runs, strict=False)),
        *options,
        *((("figures", "plots"), name, plot) for name, plot in whole["figures"]["plots"].items()),
        *options,  # what had to wait for the others
    ]
    for path, name, value in wanted:
        grown = put(tree, path, {**at(tree, path), name: value})
        tree = grown if fits(grown) else tree
    called = draw(st.lists(names(Name), min_size=len(RUNS), max_size=len(RUNS), unique=True))
    assume(not set(called) & (tree.get("sweeps") or {}).keys())  # a run and a sweep cannot have one name
    return renamed(tree, dict(zip(RUNS, called, strict=True)))


@cache
def whole_file() -> st.SearchStrategy[Tree]:
    """Its sections, each right in itself."""
    fields = {
        name: drawn(ALWAYS.get(name) or Annotated[field.annotation, field])
        for name, field in Params.model_fields.items()
    }
    return st.fixed_dictionaries({name: each for name, each in fields.items() if name != "runs"})


def part(draw: Any, tree: Tree) -> Tree:
    """Some of its keys."""
    return {name: value for name, value in tree.items() if draw(st.booleans())}
