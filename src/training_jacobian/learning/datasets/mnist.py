"""MNIST: handwritten digits, 28x28 pixels (LeCun, Cortes and Burges)."""

from typing import Literal

from training_jacobian.learning.datasets import _idx
from training_jacobian.learning.datasets._images import Images

TRAIN, EXAMPLES, INPUTS, CLASSES = 60000, 70000, 784, 10
RAW = _idx.files(
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
)
load = _idx.load


class Options(Images):
    name: Literal["mnist"]

    @property
    def picture(self) -> tuple[int, ...]:
        """Rows and columns of an example."""
        return (28, 28)
