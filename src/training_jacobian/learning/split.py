"""The data stage: a data set, split into training and test examples."""

from pathlib import Path

import numpy as np

from training_jacobian.learning.components import component


def split(name: str, test_size: int, split_seed: int, stratify: bool = False) -> dict[str, np.ndarray]:
    """Training and test part of an embedded data set.

    Returns inputs_train (n, d), inputs_test (m, d) float64, labels_train (n,), labels_test (m,) int64, with m =
    `test_size`, drawn by scikit-learn's `train_test_split(random_state=split_seed)` as in the paper's notebook.
    """
    from sklearn.model_selection import train_test_split

    inputs, labels = component("datasets", name).load()
    inputs_train, inputs_test, labels_train, labels_test = train_test_split(
        inputs, labels, test_size=test_size, random_state=split_seed, stratify=labels if stratify else None
    )
    return {
        "inputs_train": inputs_train,
        "labels_train": labels_train,
        "inputs_test": inputs_test,
        "labels_test": labels_test,
    }


def first(name: str, raw: list[Path], train_size: int, test_size: int) -> dict[str, np.ndarray]:
    """The first examples of the training and of the test part of a data set of images, from its raw files.

    Names and shapes as of `split`; inputs are uint8: 255 stands for 1.
    """
    module = component("datasets", name)
    inputs, labels = module.load(raw)
    where = {"train": slice(0, train_size), "test": slice(module.TRAIN, module.TRAIN + test_size)}
    return {
        f"{what}_{part}": values[cut]
        for part, cut in where.items()
        for what, values in (("inputs", inputs), ("labels", labels))
    }
