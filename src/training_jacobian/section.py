"""What all models of params.yaml share: frozen, strict, and an unknown key is refused with the nearest right one."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, le=10**7)]


def nearest(word: object, allowed: list[str]) -> str:
    """Hint for an error message: the nearest of the allowed words, and all of them."""
    close = difflib.get_close_matches(str(word), allowed, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + "allowed: " + ", ".join(map(repr, allowed))


def refuse(message: str) -> NoReturn:
    """Raise what pydantic reports."""
    raise PydanticCustomError("refused", "{message}", {"message": message})


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
