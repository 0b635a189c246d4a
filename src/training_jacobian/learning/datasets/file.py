"""Examples of the user's: a file with the arrays `inputs_train`, `labels_train`, `inputs_test`, `labels_test`.

`.npz` without pickles, or `.h5`; or `.csv`, one file for training and one for testing, with a line of names and then an
example a line, where the column `label`, or else the last, is the label.  Integer labels are classes from 0 on;
floating-point ones are targets (n,) or (n, k), a regression.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from training_jacobian.artifacts.integrity import file_digest
from training_jacobian.artifacts.oserrors import AGAIN, ArtifactError
from training_jacobian.learning import arrays
from training_jacobian.learning.datasets._facts import Facts
from training_jacobian.section import Section, refuse_at


class Options(Section):
    """A `.npz`, `.h5` or `.csv` file."""

    name: Literal["file"]
    path: str = Field(description="relative to the project's root; a .csv has the training examples")
    test_path: str | None = Field(default=None, description="of a .csv: the file with the test examples")

    @model_validator(mode="after")
    def holds_examples(self) -> "Options":
        try:
            of(self.model_dump())
        except arrays.ArrayError as error:
            refuse_at(("path",), self.path, str(error))
        return self

    @property
    def train_size(self) -> int:
        """Examples for training."""
        return of(self.model_dump()).TRAIN

    @property
    def test_size(self) -> int:
        """Examples for testing."""
        return of(self.model_dump()).EXAMPLES - self.train_size

    @property
    def picture(self) -> tuple[int, ...] | None:
        """Rows and columns of an example, if it has them."""
        shape = of(self.model_dump()).SHAPE
        return shape if len(shape) == 2 else None


def paths(options: Mapping[str, Any]) -> list[Path]:
    """The files that a section names."""
    return [Path(options[key]) for key in ("path", "test_path") if options.get(key)]


def examples(options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Both parts, as `learning.split` gives them.

    Raises ArrayError; ArtifactError if the files are no longer those of the recipe.
    """
    files = paths(options)
    if (known := options.get("sha256")) and known != list(map(file_digest, files)):
        told = " or ".join(map(str, files))
        raise ArtifactError(f"{told} was changed after the workflow was started; {AGAIN}")
    return arrays.read(*files)


def of(options: Mapping[str, Any]) -> Facts:
    """What a section chooses: as a recipe describes it, or by reading the file.  Raises ArrayError."""
    if "sha256" in options:
        facts = {name: options[name] for name in ("TRAIN", "EXAMPLES", "CLASSES", "REAL")}
        return Facts(**facts, SHAPE=tuple(options["SHAPE"]), TARGET=tuple(options["TARGET"]))
    files = paths(options)
    try:
        versions = tuple(map(file_digest, files))
    except OSError:
        versions = ()
    return _facts(tuple(map(str, files)), versions)


@cache
def _facts(files: tuple[str, ...], versions: tuple[str, ...]) -> Facts:
    made = arrays.read(*map(Path, files))
    labels = np.concatenate([made["labels_train"], made["labels_test"]])
    real = labels.dtype.kind == "f"
    classes = math.prod(labels.shape[1:]) if real else int(labels.max()) + 1
    train = len(made["inputs_train"])
    return Facts(train, len(labels), made["inputs_train"].shape[1:], classes, real, labels.shape[1:])


def described(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe says of a section: the content of its files, not their names."""
    made = {name: list(each) if isinstance(each, tuple) else each for name, each in asdict(of(options)).items()}
    return {"name": "file", "sha256": list(map(file_digest, paths(options))), **made}
