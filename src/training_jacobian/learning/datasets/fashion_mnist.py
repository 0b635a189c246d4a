"""Fashion-MNIST: articles of clothing, 28x28 pixels (Xiao, Rasul and Vollgraf 2017)."""

from typing import Literal

from training_jacobian.learning.datasets import _idx
from training_jacobian.learning.datasets._images import Images

TRAIN, EXAMPLES, INPUTS, CLASSES = 60000, 70000, 784, 10
RAW = _idx.files(
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
)
load = _idx.load


class Options(Images):
    name: Literal["fashion_mnist"]

    @property
    def picture(self) -> tuple[int, ...]:
        """Rows and columns of an example."""
        return (28, 28)
