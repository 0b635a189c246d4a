"""Keys that downloaded sets of images share."""

from pydantic import model_validator

from training_jacobian.learning.components import component
from training_jacobian.learning.datasets._variants import Variants
from training_jacobian.section import Count, Section, refuse


class Images(Variants, Section):
    """Downloaded; training and test part are those of the set, or the first examples of them."""

    name: str
    train_size: Count
    test_size: Count

    @model_validator(mode="after")
    def there_are_as_many(self) -> "Images":
        facts = component("datasets", self.name)
        for part, most in (("train_size", facts.TRAIN), ("test_size", facts.EXAMPLES - facts.TRAIN)):
            if getattr(self, part) > most:
                refuse(f"{part} = {getattr(self, part)} is above the {most} examples of {self.name}; lower it")
        return self
