"""Counts of singular values by stochastic Lanczos quadrature: planted spectra, bounds, what is refused."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from training_jacobian import density

SIZE = 300
RANDOM = np.random.default_rng(3)
S = np.concatenate([np.geomspace(30, 1.1, 20), np.geomspace(1, 1e-4, 280)])
U, V = (np.linalg.qr(RANDOM.standard_normal((SIZE, SIZE)))[0] for _ in range(2))
A = aslinearoperator((U * S) @ V.T)


def table(thresholds, deflated=20, probes=4, steps=60, seed=0):
    nodes, weights, _ = density.quadrature(A, V[:, :deflated], probes, steps, seed)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    return density.counts(nodes, weights, thresholds, SIZE - deflated).set_index("threshold")


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5])
def test_uncertainty_covers_the_truth(threshold):
    truth, covered, off = (threshold > S).sum(), 0, []
    for seed in range(10):
        row = table([threshold], seed=seed).loc[threshold]
        covered += row["low"] <= truth <= row["high"]
        off.append(abs(row["count"] - truth))
    assert covered >= 9
    assert max(off) > 0.1  # it is an estimate
    assert row["high"] - row["low"] < 0.25 * SIZE
    assert row["resolution"] < 0.05 * SIZE


def test_all_steps_leave_no_statistical_part_unresolved():
    """With as many steps as directions the quadrature is exact: only the probes' spread is left."""
    row = table([0.2], deflated=20, steps=280).loc[0.2]
    assert row["resolution"] < 0.02 * SIZE
    assert abs(row["count"] - (S < 0.2).sum()) <= row["statistical"] + row["resolution"]


def test_bounds_hold_for_each_probe():
    """Chebyshev, Markov and Stieltjes, against F itself."""
    nodes, weights, _ = density.quadrature(A, V[:, :0], 1, 25, seed=1)
    z = np.random.default_rng(1).standard_normal((SIZE, 1))[:, 0]
    parts = (V.T @ (z / np.linalg.norm(z))) ** 2
    below = np.cumsum(weights[0])
    for theta, least, most in zip(nodes[0], below - weights[0], below, strict=True):
        assert least - 1e-9 <= parts[theta > S].sum() + 1e-9
        assert parts[theta + 1e-9 >= S].sum() <= most + 1e-9


def test_deflation_sharpens():
    sharp, blurred = (table([0.2], deflated=each).loc[0.2, "resolution"] for each in (20, 0))
    assert sharp < blurred / 2


def test_few_distinct_values_are_counted_without_blur():
    """The Krylov space ends after four steps: further nodes are copies, or have no weight."""
    few = aslinearoperator((U * np.repeat([3.0, 1.0, 0.5, 0.1], 75)) @ V.T)
    nodes, weights, _ = density.quadrature(few, V[:, :0], 4, 20)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    off = np.abs(nodes[..., None] - [0.1, 0.5, 1, 3]).min(axis=-1)
    assert off[weights > 1e-12].max() < 1e-9
    row = density.counts(nodes, weights, [0.7], SIZE).iloc[0]
    assert row["low"] <= 150 <= row["high"]


def test_any_directions_may_be_left_out():
    """Interlacing: up to as many more lie below as were left out; and that is not too much to say."""
    random = np.linalg.qr(RANDOM.standard_normal((SIZE, 40)))[0]
    random[:, :20] = V[:, :20]  # so that the thresholds can be resolved
    left = np.linalg.qr(random)[0]
    nodes, weights, _ = density.quadrature(A, left, 8, 260)
    truth = (S < 0.2).sum()

    def counted(others, threshold=0.2):
        return density.counts(nodes, weights, [threshold], SIZE - 40, others).iloc[0]

    with_it, without = counted(np.zeros(40)), counted(None)
    assert with_it["low"] <= truth <= with_it["high"]
    assert truth > without["high"]
    assert with_it["high"] - without["high"] == pytest.approx(40)
    # what is known of the largest singular values bounds the count from above
    largest = np.sort(S)[::-1][:40]
    assert counted(0.99 * largest)["high"] == SIZE - 40 >= truth
    assert counted(0.99 * largest, 1.05)["high"] == (S < 1.05).sum()
    assert counted(np.full(40, 2.0), 1.05)["high"] < (S < 1.05).sum()  # negative control: more than is true


def test_vectors_of_the_least_nodes():
    nodes, _, least = density.quadrature(A, V[:, :20], 3, 30)
    np.testing.assert_allclose(np.linalg.norm(least, axis=0), 1, rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(A @ least, axis=0), nodes[:, 0], rtol=1e-6)
    assert np.abs(V[:, :20].T @ least).max() < 1e-10


def test_more_steps_than_directions_are_refused():
    with pytest.raises(ValueError, match=r"281 steps are more than the 280 directions; lower density\.steps"):
        table([0.2], steps=281)


def test_threshold_above_all_is_answered():
    row = table([40.0], deflated=0).loc[40.0]
    assert row["low"] <= SIZE <= row["high"] + 1e-9
    assert row["count"] == pytest.approx(SIZE, rel=0.02)


def test_threshold_below_the_resolution_is_refused():
    found = table([1e-4, 0.5])
    assert found.loc[1e-4].drop(["probes", "steps"]).isna().all()
    assert found.loc[0.5].notna().all()
