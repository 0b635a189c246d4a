"""UCI handwritten digits, 8x8 pixels, embedded in scikit-learn: the paper's main data set."""

import hashlib
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from training_jacobian.learning.datasets._variants import Variants
from training_jacobian.section import Count, Seed, refuse

EXAMPLES, INPUTS, CLASSES = 1797, 64, 10
RAW = ()  # nothing to download
SHA256 = "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443"


def load() -> tuple[np.ndarray, np.ndarray]:
    """Inputs (1797, 64) float64 in [0, 1], i.e. grey levels 0..16 divided by 16, and labels (1797,) int64.

    Raises ValueError if scikit-learn embeds other data than the recipe was made for.
    """
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    found = hashlib.sha256(inputs.astype("<f8").tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"digits of the installed scikit-learn have SHA-256 {found}, expected {SHA256}; "
            "install the scikit-learn version pinned in requirements.txt"
        )
    return inputs / 16.0, labels.astype(np.int64)


class Options(Variants):
    """One set, split here."""

    name: Literal["digits"]
    test_size: Count = Field(description="examples held out for testing")
    split_seed: Seed
    stratify: bool = Field(default=False, description="keep the proportion of classes in both parts")

    @property
    def train_size(self) -> int:
        """Examples left for training."""
        return EXAMPLES - self.test_size

    @property
    def picture(self) -> tuple[int, ...]:
        """Rows and columns of an example."""
        return (8, 8)

    @model_validator(mode="after")
    def both_parts_have_examples(self) -> "Options":
        if self.train_size < 1:
            refuse(f"test_size = {self.test_size} leaves no training example of {EXAMPLES}; lower it")
        if self.stratify and min(self.test_size, self.train_size) < CLASSES:
            refuse(
                f"stratify needs at least {CLASSES} examples in either part, test_size is {self.test_size}; change it"
            )
        return self
