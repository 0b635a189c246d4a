"""Gaussians around orthonormal means, one for each class, made here; the means are the first unit vectors.

Gur-Ari, Roberts and Dyer (arXiv 1812.04754) solve two of them.  Networks whose kernels are drawn alike in all
directions cannot tell these means from any other orthonormal ones.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from training_jacobian.learning.datasets._facts import Facts
from training_jacobian.section import Count, Section, Seed, refuse


class Options(Section):
    """As many examples of each class, which take turns."""

    name: Literal["gaussians"]
    classes: int = Field(ge=2, le=10**4)
    inputs: int = Field(ge=2, le=10**5, description="numbers in an example, at least the classes")
    train_size: Count = Field(description="a multiple of the classes, as is test_size")
    test_size: Count
    spread: float = Field(ge=0, le=1000, description="standard deviation in each direction; the means have norm 1")
    seed: Seed

    @model_validator(mode="after")
    def means_fit_and_classes_are_balanced(self) -> "Options":
        if self.inputs < self.classes:
            refuse(f"inputs = {self.inputs} have no {self.classes} orthogonal directions, one a class; raise it")
        for part in ("train_size", "test_size"):
            if getattr(self, part) % self.classes:
                refuse(f"{part} = {getattr(self, part)} is no multiple of the {self.classes} classes; change it")
        return self


def examples(options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Both parts, as `learning.split` gives them: inputs (n, d) float64 and labels (n,) int64, 0, 1, ..., 0, 1, ...

    Each part has a generator of its own, so that the size of one does not change the other.
    """
    made: dict[str, np.ndarray] = {}
    for number, part in enumerate(("train", "test")):
        random, count = np.random.default_rng([options["seed"], number]), options[f"{part}_size"]
        labels = np.arange(count, dtype=np.int64) % options["classes"]
        around = options["spread"] * random.standard_normal((count, options["inputs"]))
        around[np.arange(count), labels] += 1
        made |= {f"inputs_{part}": around, f"labels_{part}": labels}
    return made


def of(options: Mapping[str, Any]) -> Facts:
    """What a section chooses."""
    train, test = options["train_size"], options["test_size"]
    shape, classes = (options["inputs"],), options["classes"]
    return Facts(TRAIN=train, EXAMPLES=train + test, SHAPE=shape, CLASSES=classes, REAL=False, TARGET=())
