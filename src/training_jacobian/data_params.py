"""Data sets in params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training_jacobian.datasets import dataset
from training_jacobian.section import Count, Section, Seed, refuse


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


class Digits(Variants):
    """One set, split here."""

    name: Literal["digits"]
    test_size: Count = Field(description="examples held out for testing")
    split_seed: Seed
    stratify: bool = Field(default=False, description="keep the proportion of classes in both parts")

    @property
    def train_size(self) -> int:
        """Examples left for training."""
        return int(dataset(self.name).EXAMPLES) - self.test_size

    @model_validator(mode="after")
    def both_parts_have_examples(self) -> "Digits":
        facts = dataset(self.name)
        if self.train_size < 1:
            refuse(f"test_size = {self.test_size} leaves no training example of {facts.EXAMPLES}; lower it")
        if self.stratify and min(self.test_size, self.train_size) < facts.CLASSES:
            refuse(
                f"stratify needs at least {facts.CLASSES} examples in either part, test_size is {self.test_size}; "
                "change it"
            )
        return self


class Images(Variants):
    """Downloaded; training and test part are those of the set, or the first examples of them."""

    name: Literal["mnist", "fashion_mnist", "cifar10"]
    train_size: Count
    test_size: Count

    @model_validator(mode="after")
    def there_are_as_many(self) -> "Images":
        facts = dataset(self.name)
        for part, most in (("train_size", facts.TRAIN), ("test_size", facts.EXAMPLES - facts.TRAIN)):
            if getattr(self, part) > most:
                refuse(f"{part} = {getattr(self, part)} is above the {most} examples of {self.name}; lower it")
        return self


Data = Annotated[Digits | Images, Field(discriminator="name")]
