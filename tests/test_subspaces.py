"""Principal angles against planted ones, and against chance."""

import numpy as np
import pytest

from training_jacobian.spectral import subspaces


def orthogonal(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


ANGLES = np.array([0.0, 0.3, 0.7, 1.2, np.pi / 2])


def planted(size=20, seed=0):
    """Two sets of 5 orthonormal rows whose spans have the principal angles ANGLES."""
    Q = orthogonal(size, seed)
    A = Q[:5]
    return A, np.cos(ANGLES)[:, None] * A + np.sin(ANGLES)[:, None] * Q[5:10]


def test_planted_angles():
    A, B = planted()
    (found,) = subspaces.cosines(A, B, [5])
    assert np.allclose(found, np.sort(np.cos(ANGLES)), atol=2e-8)
    two, three = subspaces.cosines(A, B, [2, 3])
    assert np.allclose(two, np.sort(np.cos(ANGLES[:2])), atol=2e-8)
    assert np.allclose(three, np.sort(np.cos(ANGLES[:3])), atol=2e-8)
    assert not np.allclose(three, np.sort(np.cos(ANGLES[:3] + 0.01)), atol=1e-3)  # negative control


def test_angles_do_not_depend_on_the_basis():
    A, B = planted()
    (before,) = subspaces.cosines(A, B, [5])
    (within,) = subspaces.cosines(orthogonal(5, 1) @ A, orthogonal(5, 2) @ B, [5])
    rotation = orthogonal(20, 3)
    (of_all,) = subspaces.cosines(A @ rotation, B @ rotation, [5])
    (of_one,) = subspaces.cosines(A @ rotation, B, [5])
    assert np.allclose(before, within, atol=2e-8)
    assert np.allclose(before, of_all, atol=2e-8)
    assert not np.allclose(before, of_one, atol=1e-2)  # negative control


def test_same_subspace_and_orthogonal_ones():
    Q = orthogonal(12, 0)
    same = subspaces.overlap(Q[:4], orthogonal(4, 1) @ Q[:4], [4], subspaces.chance(12)).iloc[0]
    other = subspaces.overlap(Q[:4], Q[4:8], [4], subspaces.chance(12)).iloc[0]
    assert (same["mean_cosine"], same["chance_corrected"]) == pytest.approx((1, 1))
    assert (other["mean_cosine"], other["mean_squared_cosine"]) == pytest.approx((0, 0), abs=1e-7)
    assert other["chance_corrected"] == pytest.approx(-0.5)  # less than by chance, 4 / 12


def test_random_subspaces_overlap_as_by_chance():
    size, k = 300, [30, 100, 150]
    A, B = (subspaces.random_subspace(150, size, seed) for seed in (0, 1))
    assert np.allclose(A @ A.T, np.eye(150), atol=1e-12)
    table = subspaces.overlap(A, B, k, subspaces.chance(size))
    assert np.allclose(table["mean_squared_cosine"], np.array(k) / size, atol=0.01)
    assert np.allclose(table["chance_corrected"], 0, atol=0.02)
    half = np.concatenate([A[:75], subspaces.random_subspace(75, size, 2, without=A[:75].T)])
    shared = subspaces.overlap(A, half, [150], subspaces.chance(size))
    assert shared["chance_corrected"].iloc[0] == pytest.approx(1 / 3, abs=0.03)  # negative control: half is the same


def test_chance_with_a_part_taken_out_of_either_side():
    """Mean over many draws, for parts taken out that overlap partly."""
    size, taken_A, taken_B = 40, np.eye(40)[:, :8], np.eye(40)[:, 4:10]
    found = []
    for seed in range(200):
        A = subspaces.random_subspace(10, size, 2 * seed, without=taken_A)
        B = subspaces.random_subspace(10, size, 2 * seed + 1, without=taken_B)
        assert np.abs(A @ taken_A).max() < 1e-12
        found.append(np.sum((A @ B.T) ** 2) / 10)
    error = np.std(found) / np.sqrt(len(found))
    expected = 10 * subspaces.chance(size, taken_A, taken_B)
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)
    assert abs(np.mean(found) - 10 * subspaces.chance(size)) > 8 * error  # negative control: nothing taken out


def test_nearest_to_one():
    S = np.array([3.0, 1.5, 1.01, 0.999, 0.6, 0.0])
    assert list(subspaces.nearest_to_one(S)) == [3, 2, 4, 1, 5, 0]
    assert list(subspaces.nearest_to_one(S, logarithmic=True)) == [3, 2, 1, 4, 0, 5]


def test_too_many_dimensions():
    with pytest.raises(ValueError, match="dimension 4 is above 3"):
        list(subspaces.cosines(np.eye(5)[:3], np.eye(5), [4]))


def test_grid_is_that_of_the_paper():
    assert subspaces.grid({"start": 100, "stop": 4810, "num": 20})[:3] == [100, 347, 595]
    assert subspaces.grid({"start": 100, "stop": 3000, "num": 10})[:4] == [100, 422, 744, 1066]
