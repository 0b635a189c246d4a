"""Shuffled labels and white-noise inputs: what is replaced, and what is left alone."""

import numpy as np
import pytest

from training_jacobian.learning import split, variants


@pytest.fixture(scope="module")
def examples():
    return split.split("digits", test_size=197, split_seed=0)


def same(a, b):
    return {name for name in a if np.array_equal(a[name], b[name])}


def test_shuffled_labels_are_a_permutation_of_the_training_labels(examples):
    varied = variants.vary(examples, labels="shuffled")
    assert same(examples, varied) == {"inputs_train", "inputs_test", "labels_test"}
    assert np.array_equal(np.sort(varied["labels_train"]), np.sort(examples["labels_train"]))
    assert (varied["labels_train"] == examples["labels_train"]).mean() == pytest.approx(0.1, abs=0.03)  # as by chance


def test_white_noise_is_uniform_in_all_pixels(examples):
    varied = variants.vary(examples, inputs="white_noise")
    assert same(examples, varied) == {"labels_train", "labels_test"}
    for part in ("inputs_train", "inputs_test"):
        noise = varied[part]
        assert noise.shape == examples[part].shape
        assert noise.dtype == examples[part].dtype
        assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() < 1
    assert varied["inputs_train"].mean() == pytest.approx(0.5, abs=0.01)
    assert varied["inputs_train"].var() == pytest.approx(1 / 12, rel=0.02)
    assert abs(np.corrcoef(varied["inputs_train"].T)[0, 1:]).max() < 0.15


def test_seed(examples):
    both = {"labels": "shuffled", "inputs": "white_noise"}
    assert same(variants.vary(examples, **both), variants.vary(examples, **both)) == set(examples)
    assert same(variants.vary(examples, **both), variants.vary(examples, **both, variant_seed=1)) == {"labels_test"}
    # what one variation draws does not depend on the other
    assert "labels_train" in same(variants.vary(examples, labels="shuffled"), variants.vary(examples, **both))


def test_nothing_varied_is_the_same(examples):
    assert same(examples, variants.vary(examples, variant_seed=5)) == set(examples)
