"""Bounds that optimizers share."""

from typing import Annotated

from pydantic import Field

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]
