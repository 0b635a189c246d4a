"""Data with a part of its structure destroyed: the controls of the paper's section on data (spectrum by data)."""

import numpy as np


def vary(
    examples: dict[str, np.ndarray], labels: str = "true", inputs: str = "images", variant_seed: int = 0
) -> dict[str, np.ndarray]:
    """The split `examples` of `data.split`, varied; shapes and dtypes stay.

    `labels="shuffled"` permutes the labels of the training examples; `inputs="white_noise"` replaces the inputs of both
    parts by numbers uniform in [0, 1).  What is not varied stays as it is, and neither depends on the other.
    """
    varied = dict(examples)
    if labels == "shuffled":
        varied["labels_train"] = np.random.default_rng([variant_seed, 0]).permutation(examples["labels_train"])
    if inputs == "white_noise":
        random = np.random.default_rng([variant_seed, 1])
        for part in ("inputs_train", "inputs_test"):
            varied[part] = random.random(examples[part].shape)
    return varied
