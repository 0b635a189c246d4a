"""UCI handwritten digits, 8x8 pixels, embedded in scikit-learn: the paper's main data set."""

import hashlib

import numpy as np

EXAMPLES, INPUTS, CLASSES = 1797, 64, 10
RAW, CODE = (), ("datasets.digits",)  # nothing to download
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
