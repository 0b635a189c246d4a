"""What all models of params.yaml share: frozen, strict, and an unknown key is refused with the nearest right one.

And numbers of a training must be the same kind of number in its dtype: `refuse_lost`.
"""

import difflib
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, le=10**7)]

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 2, 8, 6
_SHORT.maxstring, _SHORT.maxlong, _SHORT.maxother = 80, 60, 60


@dataclass(frozen=True)
class Power:
    """In the metadata of a number: a step or its derivative computes this power of it, neither 0 nor infinite."""

    exponent: float


class Found:
    """In the metadata of a field of type Any: its type, which is known when the program runs."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return handler.generate_schema(self.kind)


def short(value: object) -> str:
    """`repr`, cut where it is long: a message may meet anything, also what aliases make huge."""
    return _SHORT.repr(value)


def nearest(word: object, allowed: list[str]) -> str:
    """Hint for an error message: the nearest of the allowed words, and all of them."""
    text = word[:100] if isinstance(word, str) else short(word)
    close = difflib.get_close_matches(text, allowed, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + "allowed: " + ", ".join(map(repr, allowed))


def refuse(message: str) -> NoReturn:
    """Raise what pydantic reports."""
    raise PydanticCustomError("refused", "{message}", {"message": message})


def refuse_at(where: tuple[str, ...], value: Any, message: str | None) -> NoReturn:
    """As `refuse`, of a value further inside, e.g. ("model", "path"); without a message the key is missing."""
    told = PydanticCustomError("refused", "{message}", {"message": message}) if message else "missing"
    raise ValidationError.from_exception_data("refused", [InitErrorDetails(type=told, loc=where, input=value)])


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, Mapping) else ():
            if key not in cls.model_fields:
                hint = nearest(key, list(cls.model_fields))
                raise PydanticCustomError("unknown_key", "unknown key {key}; {hint}", {"key": short(key), "hint": hint})
        return values


def _allows(field: FieldInfo, value: float) -> bool:
    made: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter(made).validate_python(value)
    except ValidationError:
        return False
    return True


def refuse_lost(section: Section, dtype: str, where: str = "") -> None:
    """Refuse a number of the section, or of those in it, that is another one in `dtype`: 0, infinite, or no longer < 1.

    XLA takes what lies below the least normal number for 0.  A number's own bounds, and each `Power` of it, must hold
    in `dtype` too.
    """
    limits = np.finfo(dtype)
    tiny, largest = float(limits.tiny), float(limits.max)
    for name, field in type(section).model_fields.items():
        value, path = getattr(section, name), f"{where}{name}"
        if isinstance(value, Section):
            refuse_lost(value, dtype, f"{path}.")
        if not isinstance(value, float) or not value:
            continue
        powers = [each.exponent for each in field.metadata if isinstance(each, Power)]
        least = max((tiny if power > 0 else largest) ** (1 / power) for power in (1, *powers))
        if value < least:
            how = "is 0" if value < tiny else "is too small to compute with"
            or_zero = ", or 0" if _allows(field, 0.0) else ""
            refuse(f"{path} = {value!r} {how} in {dtype}; choose at least {1.05 * least:.2g}{or_zero}")  # rounded up
        if value > largest:
            refuse(f"{path} = {value!r} is infinite in {dtype}; choose at most {0.95 * largest:.2g}")
        if value < 1 <= np.dtype(dtype).type(value) and not _allows(field, 1.0):
            refuse(f"{path} = {value!r} is 1 in {dtype}; choose at most {1 - 1.05 * float(limits.epsneg)!r}")


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
    stop: Count = Field(description="at most N; of pairs of runs N / 2; of the PFJ N without the exact bulk")
    num: Count

    check = model_validator(mode="after")(rising)
