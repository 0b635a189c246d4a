"""Counts, regions, cosines; the exact bulk in closed form.  As measured: test_exact_bulk.py."""

import numpy as np

from training_jacobian.analyses.spectrum import compute as spectrum
from training_jacobian.learning.datasets import digits
from training_jacobian.learning.losses import cross_entropy
from training_jacobian.learning.models import mlp
from training_jacobian.spectral import svd


def test_regions_and_their_edges():
    S = np.array([2.0, 1.25, 1.2, 1.0, 0.75, 0.7, 0.0])
    assert list(spectrum.regions(S, 0.25)) == ["chaotic", "bulk", "bulk", "bulk", "bulk", "stable", "stable"]
    assert list(spectrum.regions(S, 0.1)) == ["chaotic", "chaotic", "chaotic", "bulk", "stable", "stable", "stable"]


def test_counts_are_strictly_below():
    table = spectrum.counts(np.array([1.5, 1.0, 0.875, 0.0]), [0.25, 0.125])
    assert list(table["count_below"]) == [2, 1]
    assert list(table["threshold"]) == [0.25, 0.125]


def test_cosine_of_a_planted_rotation():
    """J = rotation by 60 degrees times 2: every direction turns by 60 degrees."""
    c, s = np.cos(np.pi / 3), np.sin(np.pi / 3)
    parts = svd.decompose(2 * np.array([[c, -s], [s, c]]))
    table = spectrum.directions(parts["U"], parts["S"], parts["Vt"], 0.1)
    np.testing.assert_allclose(table["cosine_uv"], 0.5, atol=1e-14)
    np.testing.assert_allclose(table["sigma"], 2)
    assert list(table["index"]) == [1, 2]


def test_257_directions_on_digits():
    inputs, labels = digits.load()
    assert inputs.shape == (1797, 64)
    assert inputs.max() == 1
    assert set(labels) == set(range(10))
    dead = ~inputs.any(axis=0)
    assert dead.sum() == 3
    shapes, gauge = mlp.shapes({"hidden": [64]}, 64, 10), cross_entropy.gauge(10)
    assert mlp.untouched(shapes, inputs, gauge).shape == (4810, 64 + 1 + 3 * 64)
    noise = np.random.default_rng(0).random((100, 64))
    assert mlp.untouched(shapes, noise, gauge).shape == (4810, 65)  # the gauge alone
    assert mlp.untouched(shapes, noise[:60], gauge).shape == (
        4810,
        65 + 5 * 64,
    )  # fewer examples than inputs and a bias


def test_overlap_of_both_kinds_is_counted_once():
    """Softmax regression: the gauge of a dead input's weights lies among that input's directions."""
    inputs = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    shapes = mlp.shapes({"hidden": []}, 3, 4)
    assert mlp.untouched(shapes, inputs, cross_entropy.gauge(4)).shape == (16, 3 + 1 + 4 - 1)
