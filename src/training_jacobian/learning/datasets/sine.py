"""One period of a sine with noise, made here: y = sin(2 pi x) + noise e, x uniform in [0, 1), e ~ N(0, 1)."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from training_jacobian.learning.datasets._facts import Facts
from training_jacobian.section import Count, Section, Seed


class Options(Section):
    """A regression on one number.  Table 1 of Gur-Ari et al. has noise 0.1."""

    name: Literal["sine"]
    train_size: Count
    test_size: Count
    noise: float = Field(ge=0, le=1000, description="standard deviation of what is added to a sine of amplitude 1")
    seed: Seed = Field(description="of inputs and noise")


def examples(options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Both parts, as `learning.split` gives them: inputs (n, 1) and targets (n, 1), float64.

    Each part has a generator of its own, so that the size of one does not change the other.
    """
    made = {}
    for number, part in enumerate(("train", "test")):
        random, count = np.random.default_rng([options["seed"], number]), options[f"{part}_size"]
        x = random.random((count, 1))
        made[f"inputs_{part}"] = x
        made[f"labels_{part}"] = np.sin(2 * np.pi * x) + options["noise"] * random.standard_normal((count, 1))
    return made


def of(options: Mapping[str, Any]) -> Facts:
    """What a section chooses."""
    train, test = options["train_size"], options["test_size"]
    return Facts(TRAIN=train, EXAMPLES=train + test, SHAPE=(1,), CLASSES=1, REAL=True, TARGET=(1,))
