"""The page of all keys of params.yaml and of all analyses, from their declarations."""

import importlib
from collections.abc import Iterator
from inspect import cleandoc
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from training_jacobian.figures.papers import belrose_scherlis, gur_ari
from training_jacobian.learning.components import component, names
from training_jacobian.section import Found, Power, Section
from training_jacobian.stages import COMPONENTS
from training_jacobian.workflow import sections
from training_jacobian.workflow.catalog import ANALYSES, chain, reads
from training_jacobian.workflow.params import DenseSvd, FileInitial, NoSvd, PartialSvd, RandomInitial, Training
from training_jacobian.workflow.sweeps import Sweep

BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "min_length": "at least", "max_length": "at most"}


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "What `training-jacobian reference` prints: keys of params.yaml and of studies, their types, bounds, units;"
    yield "what is computed.  A key in brackets is an option that is off unless it is given."
    yield ""
    yield "## A run"
    yield ""
    yield "`defaults:` has all of these sections; each of `runs:` what differs."
    for section, kind in COMPONENTS.items():
        for name in names(kind):
            module = component(kind, name)
            yield from _section(f"{section}: {{name: {name}}}", module.Options, module.__doc__)
    chosen: dict[str, type[Section]] = {
        "initial: {name: random}": RandomInitial,
        "initial: {name: file}": FileInitial,
        "training": Training,
    }
    methods: dict[str, type[Section]] = {
        "svd: {method: dense}": DenseSvd,
        "svd: {method: partial}": PartialSvd,
        "svd: {method: none}": NoSvd,
    }
    for title, model in {**chosen, **methods}.items():
        yield from _section(title, model, model.__doc__)
    yield ""
    yield "## Analyses"
    for name, analysis in ANALYSES.items():
        module = importlib.import_module(f"training_jacobian.analyses.{name}")
        yield ""
        yield f"### {name}"
        yield ""
        yield cleandoc(module.__doc__ or "")
        yield ""
        runs = "each two runs of a list" if analysis.group == "pairs" else "runs" if analysis.group else "a run"
        when = "always" if analysis.always else "where a figure asks for it"
        before = ", ".join(chain(name)[1:] or [analysis.after])
        svd = f" with a {analysis.method} SVD" if analysis.method else ""
        yield f"Of {runs}{svd}, {when}; after {before}.  Files: {_code(*analysis.files)}."
        yield ""
        yield "| kind of figure | what it shows and how to read it |"
        yield "| --- | --- |"
        for kind, each in analysis.kinds.items():
            yield f"| `{kind}`{'' if each.drawn else ' (a table)'} | {each.caption.replace('|', '&#124;')} |"
        if analysis.settings:
            yield from _table(analysis.settings)
        elif others := [each for each in reads(name) if each != name]:
            yield ""
            yield f"How: the section {_code(*others)}."
        for kind, each in analysis.kinds.items():
            if each.options.model_fields:
                yield ""
                yield f"Options of figures of kind `{kind}`:"
                yield from _table(each.options)
    yield ""
    yield "## The rest"
    rest: dict[str, type[Section]] = {
        "sweeps.<name>": Sweep,
        "figures.style": sections.Style,
        "summary": belrose_scherlis.Summary,
        "summary: {statements: gur_ari}": gur_ari.Summary,
    }
    rest |= {"figures.plots.<name>: {kind: runs}": sections.OfRuns, "compute": sections.Compute}
    for title, model in rest.items():
        yield from _section(title, model, model.__doc__)


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _section(title: str, model: type[Section], told: str | None) -> Iterator[str]:
    yield ""
    yield f"### `{title}`"
    yield ""
    if told and told != Section.__doc__:
        yield cleandoc(told)
    yield from _table(model)


def _table(model: type[Section]) -> Iterator[str]:
    """A row a key, but for the name by which the model is chosen."""
    fields = {name: field for name, field in model.model_fields.items() if name not in ("name", "method")}
    if not fields:
        return
    yield ""
    yield "| key | value | |"
    yield "| --- | --- | --- |"
    for name, field in fields.items():
        key = f"`{name}`" if field.is_required() else f"[`{name}`]"
        default = "" if field.is_required() or field.default is None else f"; else {field.default!r}"
        yield f"| {key} | {_type(field.annotation)}{_bounds(field.metadata)} | {field.description or ''}{default} |"


def _bounds(metadata: list[Any]) -> str:
    found = [
        f" {sign} {getattr(each, bound):g}"
        for each in metadata
        for bound, sign in BOUNDS.items()
        if not isinstance(each, Power | Found) and getattr(each, bound, None) is not None
    ]
    return ",".join(found)


def _type(kind: Any) -> str:
    """A type for people."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        found = [each.metadata if isinstance(each, FieldInfo) else [each] for each in metadata]
        return _type(inner) + _bounds([each for some in found for each in some])
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is list:
        return f"list of {_type(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "mapping"
    if get_origin(kind) is not None and type(None) in get_args(kind):
        return " or ".join(_type(each) for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is Union or get_origin(kind) is not None:
        return " or ".join(map(_type, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Section):
        return "{" + ", ".join(kind.model_fields) + "}"
    return {int: "integer", float: "number", str: "text", bool: "true or false"}.get(kind, "anything")
