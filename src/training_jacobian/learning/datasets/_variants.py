"""Keys of what of a data set may be replaced."""

from typing import Literal

from pydantic import Field, model_validator

from training_jacobian.section import Section, Seed, refuse


class Variants(Section):
    """What of a data set may be replaced."""

    labels: Literal["true", "shuffled"] = Field(default="true", description="of the training examples")
    inputs: Literal["images", "white_noise"] = Field(default="images", description="white noise: uniform [0, 1)")
    variant_seed: Seed = Field(default=0, description="of the shuffled labels and of the white noise")

    @property
    def varied(self) -> bool:
        """Whether anything is replaced."""
        return self.labels != "true" or self.inputs != "images"

    @model_validator(mode="after")
    def seed_has_a_use(self) -> "Variants":
        if self.variant_seed and not self.varied:
            refuse("variant_seed is of shuffled labels or white-noise inputs, and neither is chosen; remove it")
        return self
