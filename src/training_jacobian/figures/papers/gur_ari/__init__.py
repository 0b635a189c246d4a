"""Gur-Ari, Roberts and Dyer, "Gradient Descent Happens in a Tiny Subspace" (arXiv 1812.04754), and the answer to it.

The answer: Song, Ahn and Yun, "Does SGD really happen in tiny subspaces?" (ICLR 2025).
"""

from typing import Annotated, Literal

from pydantic import Field

from training_jacobian.section import Name, Section

Runs = Annotated[list[Name], Field(min_length=1, description="one, and others of the same setup: error bars")]


class Summary(Section):
    """Which runs play which part in the table of the papers' statements; a part without a run has no rows."""

    statements: Literal["gur_ari"]
    momentum: Runs | None = Field(default=None, description="SGD with momentum, and a rate that falls to zero")
    sgd: Runs | None = Field(default=None, description="plain SGD at a constant rate, as in both papers")
    full_batch: Runs | None = Field(default=None, description="the same in steps without noise")
    fc: Runs | None = Field(default=None, description="table 1: MNIST, 100-100, softplus or ReLU")
    softmax: Runs | None = None
    fc_softplus: Runs | None = None
    fc_slow: Runs | None = Field(default=None, description="a tenth of the learning rate")
    fc_large_batch: Runs | None = Field(default=None, description="batches of 256")
    fc_random_labels: Runs | None = None
    sine: Runs | None = Field(default=None, description="regression of a noisy sine")
    convnet_random_labels: Runs | None = Field(default=None, description="table 1: CIFAR-10")
    convnet_adam: Runs | None = None
    song: Runs | None = Field(default=None, description="Song et al.: MNIST, 200-200, tanh, squared error")

    @property
    def parts(self) -> dict[str, list[str]]:
        """Names of the runs that play each part."""
        named = {part: getattr(self, part) for part in type(self).model_fields if part != "statements"}
        return {part: list(runs) for part, runs in named.items() if runs}

    @property
    def pairs(self) -> dict[str, tuple[list[str], list[str]]]:
        """None."""
        return {}
