"""Components from files beside params.yaml: the file's functions, and the keys of its section, by their signatures."""

import importlib.util
import inspect
import json
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, NotRequired, Required, Self

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from typing_extensions import TypedDict

from training_jacobian.artifacts import imported
from training_jacobian.artifacts.sources import CodeError, at, read
from training_jacobian.section import Section, nearest, refuse, refuse_at, short

Names = tuple[str, ...]
_MADE: dict[Any, Any] = {}
type_of_dict: Any = TypedDict  # made of a list of keys, which no type checker can follow
RESERVED = ("name", "path")


@dataclass(frozen=True)
class Expected:
    """What a file of a kind must define: functions, by name the arguments that they get in order, and by name."""

    functions: Mapping[str, Names]
    example: str
    given: Mapping[str, Names] = field(default_factory=dict)  # function -> what it gets by name where it names it
    optional: Mapping[str, Names] = field(default_factory=dict)  # functions that it may define

    @property
    def taken(self) -> Names:
        """Names that no key of a section may have: they are given here."""
        return tuple({name for names in self.given.values() for name in names})

    def first(self, function: str) -> Names:
        """What a function gets in order."""
        return {**self.functions, **self.optional}[function]


def load(path: str) -> ModuleType:
    """The module of a file, imported as JAX is by default, in 32 bits.  Raises CodeError."""
    sources = read(Path(path))
    if importlib.util.find_spec("jax") is None:
        context: Any = nullcontext()
    else:
        import jax

        context = jax.enable_x64(False)
    with context:
        return imported.load(sources, path)


def place(function: Any) -> str:
    """Where a function is defined."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return at(Path(code.co_filename), code.co_firstlineno) if code else f"{function!r:.60}"


def _called(function: Any) -> str:
    return str(getattr(function, "__name__", "the function"))


def signature(function: Any) -> inspect.Signature:
    """Of a function; annotations that cannot be told now stay text."""
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        return inspect.signature(function)


def options(function: Any, first: Names) -> dict[str, inspect.Parameter]:
    """What a function names beside its `first` arguments, which it gets in order.  Raises CodeError."""
    named = list(signature(function).parameters.values())
    in_order = [each for each in named if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if len(in_order) < len(first) and not any(each.kind is each.VAR_POSITIONAL for each in named):
        raise CodeError(
            f"{place(function)}: {_called(function)} takes {len(in_order)} arguments in order; "
            f"it gets {len(first)}: {', '.join(first)}"
        )
    rest = {each.name: each for each in named if each not in in_order[: len(first)]}
    for name, each in rest.items():
        if each.kind is each.POSITIONAL_ONLY or name in RESERVED:
            why = "is given by name, and cannot be" if name not in RESERVED else "is a key of ours; rename it"
            raise CodeError(f"{place(function)}: the argument {name!r} of {_called(function)} {why}")
    return {name: each for name, each in rest.items() if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def functions(module: ModuleType, path: str, expected: Expected) -> dict[str, Callable[..., Any]]:
    """The functions of a file, by name.  Raises CodeError if one is missing or takes too few arguments."""
    found = {}
    for name, first in {**expected.functions, **expected.optional}.items():
        function = getattr(module, name, None)
        if function is None and name in expected.optional:
            continue
        if function is None:
            raise CodeError(f"{Path(path).name}: defines no `{name}({', '.join(first)})`; {expected.example}")
        if not callable(function):
            raise CodeError(f"{Path(path).name}: `{name}` is {short(function)}, no function; {expected.example}")
        options(function, first)
        found[name] = function
    return found


def _finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _kind(parameter: inspect.Parameter) -> Any:
    """The type of a key: its annotation where that is one of numbers, texts, lists and the like."""
    annotation = parameter.annotation
    if annotation is parameter.empty or isinstance(annotation, str):
        return Any
    try:
        TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError):
        return Any
    return annotation


def converted(found: Mapping[str, Any], named: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """Keys of a section as its functions want them, e.g. a tuple for a list.  Raises ValidationError."""
    fields = {
        name: Required[_kind(each)] if each.default is each.empty else NotRequired[_kind(each)]
        for name, each in named.items()
    }
    keys: Any = type_of_dict("keys", fields)
    keys.__pydantic_config__ = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
    made: dict[str, Any] = TypeAdapter(keys).validate_json(json.dumps(dict(found)))
    return made


class FromFile(Section):
    """A component from a file: its path, and whatever else its functions name."""

    model_config = ConfigDict(extra="allow")

    expected: ClassVar[Expected]

    name: Literal["file"]
    path: str = Field(description="a .py file, relative to the project's root; further keys as its functions name them")

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_keys(cls, values: Any) -> Any:
        """Which keys there are, the file says."""
        return values

    @model_validator(mode="after")
    def as_the_file_says(self) -> "FromFile":
        try:
            named = keys(load(self.path), self.path, self.expected)
        except CodeError as error:
            refuse_at(("path",), self.path, str(error))
        own, found = list(type(self).model_fields), self.model_extra or {}
        for key in found:
            if key in self.expected.taken:
                refuse(f"key {key!r} is given by the data; remove it")
            if key not in named:
                refuse(f"unknown key {short(key)}; {nearest(key, [*own, *named])}")
        for key, value in found.items():
            if not _finite(value):
                refuse_at((key,), value, "Input should be a finite number")
        converted(found, named)
        return self


def keys(module: ModuleType, path: str, expected: Expected) -> dict[str, inspect.Parameter]:
    """Keys of a section that a file's functions name."""
    made: dict[str, inspect.Parameter] = {}
    for name, function in functions(module, path, expected).items():
        for key, each in options(function, expected.first(name)).items():
            if key in expected.given.get(name, ()):
                continue
            if key not in made or made[key].default is not made[key].empty:
                made[key] = each
    return made


class Given:
    """A file that a section names, with its options: as the sections of built-in components, found by name."""

    def __init__(self, chosen: Mapping[str, Any], expected: Expected, own: Names = ()) -> None:
        self.path, self.expected = str(chosen["path"]), expected
        self.module = load(self.path)
        self.__name__ = self.path
        named = keys(self.module, self.path, expected)
        found = {key: value for key, value in chosen.items() if key not in (*RESERVED, *own)}
        try:
            self.options = converted(found, named)
        except ValidationError as error:
            raise CodeError(f"{self.path}: {error}") from None
        self.functions = functions(self.module, self.path, expected)

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """That of a section, the same as before if neither it nor the file has changed.  Raises CodeError."""
        key = cls, json.dumps(dict(chosen), sort_keys=True), load(str(chosen["path"]))
        if key not in _MADE:
            _MADE[key] = cls(chosen)  # type: ignore[call-arg]
        return _MADE[key]

    @property
    def FILES(self) -> tuple[str, ...]:  # noqa: N802 (as modules say it)
        """What the file says that it reads."""
        from training_jacobian.artifacts.reading import declared

        return declared(self.module)

    def call(self, name: str, *arguments: Any, **given: Any) -> Any:
        """Call a function of the file with its options, and what else it names of `given`."""
        function = self.functions[name]
        named = options(function, self.expected.first(name))
        chosen = {key: value for key, value in {**self.options, **given}.items() if key in named}
        return function(*arguments, **chosen)

    def must_repeat(self, name: str, function: Callable[[], Any]) -> None:
        """Raise ValueError unless `function`, which calls `name` of the file, gives the same numbers twice.

        It is not compiled: that would hide it.
        """
        import jax

        with jax.disable_jit():
            first, second = np.asarray(function()), np.asarray(function())
        if not np.array_equal(first, second, equal_nan=True):
            raise ValueError(
                f"{self.path}: `{name}` gives other numbers when it is called again, up to "
                f"{np.abs(first - second).max():.1e} off: it draws at random, or keeps something from call to call; "
                "make it depend on its arguments alone"
            )

    def told(self, error: BaseException, name: str) -> str:
        """What went wrong in the file, with its line; else that of the function of that name."""
        return imported.told(error, imported.sources_of(self.module), place(self.functions[name]))
