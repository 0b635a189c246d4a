"""Activations that models share: those of jax.nn by name."""

from typing import Annotated, Literal

from pydantic import Field

Activation = Annotated[
    Literal["gelu", "relu", "silu", "softplus", "sigmoid", "tanh"], Field(description="gelu: tanh form")
]
