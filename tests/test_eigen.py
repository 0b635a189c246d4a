"""The largest eigenvalues, dense and by Lanczos, against prescribed spectra; and a top space that is followed."""

import numpy as np
import pytest
import scipy.linalg
from scipy.sparse.linalg import LinearOperator

from training_jacobian.spectral import eigen

RANDOM = np.random.default_rng(0)
SIZES = {"dense": 60, "lanczos": eigen.DENSE + 20}
Q = {size: np.linalg.qr(RANDOM.standard_normal((size, size)))[0] for size in SIZES.values()}
BULK = {size: np.random.default_rng(1).uniform(-0.2, 0.2, size) for size in SIZES.values()}
SPECTRA = {
    "apart": [9.0, 8, 7, 6, 5],
    "clustered": [9 + 4e-6, 9 + 3e-6, 9 + 2e-6, 9 + 1e-6, 9],
    "repeated": [9.0, 9, 9, 4, 4],
    "of all sizes": [1e3, 1, 1e-2, 1e-5, 1e-6],
    "two, and nothing": [9.0, 8, 0, 0, 0],
}


def spectrum(name, size):
    """The largest as told; of the others, which are in between, those of the last two are far smaller."""
    few = {"of all sizes": 1e-8, "two, and nothing": 0}.get(name, 1)
    return np.concatenate([SPECTRA[name], few * BULK[size][5:]])


def made(values, rotated=True, seen=None):
    """An operator with these eigenvalues, and its matrix."""
    size = len(values)
    A = (Q[size] * values) @ Q[size].T if rotated else np.diag(values)

    def product(v):
        if seen is not None:
            seen.append(1 if v.ndim == 1 else v.shape[1])
        return A @ v

    return LinearOperator((size, size), matvec=product, matmat=product, rmatvec=product, dtype=np.float64), A


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("rotated", [True, False])
def test_prescribed_spectra(size, name, rotated):
    operator, A = made(spectrum(name, size), rotated)
    found, wanted = eigen.largest(operator, 5, 1e-8), np.linalg.eigh(A)[0][::-1]
    norm = np.abs(wanted).max()
    assert found.converged.all()
    assert (np.diff(found.values) <= 0).all()
    np.testing.assert_allclose(found.values, wanted[:5], rtol=0, atol=1e-10 * norm)
    residual = np.linalg.norm(A @ found.vectors - found.vectors * found.values, axis=0)
    np.testing.assert_allclose(found.residual, residual, rtol=0, atol=1e-13 * norm)
    assert (residual <= 1e-8 * norm).all()
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(5), atol=1e-9)
    if len(set(SPECTRA[name])) == 5:  # each is what it should be; wrong ones would be seen
        assert np.abs(found.values - wanted[1:6]).max() > 1e-7


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_negative_ones_are_the_smallest_not_the_largest(size):
    values = np.concatenate([[2.0, 1], BULK[size][4:], [-7, -50]])
    found = eigen.largest(made(values)[0], 4, 1e-8)
    np.testing.assert_allclose(found.values, np.sort(values)[::-1][:4], rtol=0, atol=1e-9)
    below = eigen.largest(made(-np.abs(values) - 1)[0], 3, 1e-8)
    np.testing.assert_allclose(below.values, np.sort(-np.abs(values) - 1)[::-1][:3], rtol=0, atol=1e-9)
    assert below.converged.all()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_matrix_of_zeros_and_one_that_is_none(size):
    found = eigen.largest(made(np.zeros(size))[0], 4, 1e-8)
    assert found.values.tolist() == [0] * 4
    assert found.converged.all()
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-12)
    broken = LinearOperator((size, size), matvec=lambda v: np.nan * v, dtype=np.float64)
    found = eigen.largest(broken, 4, 1e-8)
    assert np.isnan(found.values).all()
    assert not found.converged.any()


def test_what_has_not_converged_is_no_number():
    values, seen = np.linspace(1, 2, SIZES["lanczos"]), []
    operator = made(values, seen=seen)[0]
    found = eigen.largest(operator, 8, 1e-8, most=100)
    missing = ~found.converged
    assert missing.any()
    assert np.isnan(found.values[missing]).all()
    assert np.isnan(found.residual[missing]).all()
    assert found.vectors.shape == (len(values), 8)
    assert np.isnan(found.vectors[:, missing]).all()
    assert sum(seen) < 150
    assert eigen.largest(operator, 8, 1e-8, most=2000).converged.all()  # it was too few


def test_what_has_converged_is_the_largest():
    """Some of what is asked for lies in a bulk that takes long: the others are there, and none of them is left out."""
    size = SIZES["lanczos"]
    values = np.concatenate([[9, 8.9, 8.8, 4, 3.999, 3.998], np.linspace(1, 2, size - 6)])
    for most in (60, 120, 240, 480):
        found = eigen.largest(made(values)[0], 20, 1e-8, most=most)
        there = int(found.converged.sum())
        assert there < 20
        np.testing.assert_allclose(found.values[:there], np.sort(values)[::-1][:there], rtol=0, atol=1e-9)
        assert np.isnan(found.values[there:]).all()
    assert there >= 6


def test_a_residual_above_what_was_asked_is_marked():
    """An operator that is not quite symmetric has no such eigenpairs."""
    _, A = made(spectrum("apart", 60))
    twisted = A + np.triu(1e-5 * RANDOM.standard_normal(A.shape))
    operator = LinearOperator(A.shape, matvec=lambda v: twisted @ v, matmat=lambda v: twisted @ v, dtype=np.float64)
    assert not eigen.largest(operator, 5, 1e-8).converged.any()
    assert eigen.largest(operator, 5, 1e-3).converged.all()


def starts(size):
    v = Q[size]
    half = np.zeros(size)
    half[size // 2 :] = RANDOM.standard_normal(size - size // 2)
    return {
        "the first": v[:, 0],
        "the sum of all five": v[:, :5].sum(axis=1),
        "one of the others": v[:, -1],
        "zero": np.zeros(size),
        "no number": np.full(size, np.nan),
        "a block without the largest": half,
    }


@pytest.mark.parametrize("which", starts(SIZES["lanczos"]))
@pytest.mark.parametrize("rotated", [True, False])
def test_no_start_loses_an_eigenvalue(which, rotated):
    """Lanczos sees but the invariant subspace that it begins in: ARPACK calls converged what it finds there."""
    size = SIZES["lanczos"]
    operator, _ = made(values := spectrum("apart", size), rotated)
    start = starts(size)[which]
    found = eigen.largest(operator, 5, 1e-8, start)
    np.testing.assert_allclose(found.values, values[:5], rtol=0, atol=1e-9)
    if which == "a block without the largest" and not rotated:
        lost = eigen.eigsh(operator, 5, which="LA", v0=start)[0]
        assert lost.max() < 1  # the control: begun exactly there it does lose them


def test_a_start_nearby_saves_products():
    size, counts = SIZES["lanczos"], []
    values = np.concatenate([[9.0, 8, 7, 6, 5], 20 * BULK[size][5:]])
    near = Q[size][:, :5].sum(axis=1) + 1e-3 * RANDOM.standard_normal(size)
    for start in (near, None):
        operator, _ = made(values, seen=(seen := []))
        found = eigen.largest(operator, 5, 1e-8, start)
        np.testing.assert_allclose(found.values, values[:5], atol=1e-9)
        counts.append(sum(seen))
    assert counts[0] <= counts[1]


@pytest.mark.parametrize("count", [0, 60, 61])
def test_as_many_as_there_are_but_one(count):
    with pytest.raises(ValueError, match=rf"{count} eigenpairs are not in 1\.\.59"):
        eigen.largest(made(BULK[60])[0], count, 1e-8)


def test_part_of_a_vector():
    found = eigen.largest(made(spectrum("apart", 60))[0], 5, 1e-8)
    g = 3 * Q[60][:, 0] + 4 * Q[60][:, 3] + 12 * Q[60][:, 30]
    assert found.part(g, 0, 3) == pytest.approx(9 / 169)
    assert found.part(g, 3, 5) == pytest.approx(16 / 169)


def rotated(values, angle, steps):
    """A matrix that turns by `angle` at each step, in a plane that has one of the top vectors and none of the rest."""
    turn = RANDOM.standard_normal((len(values), len(values)))
    turn = (turn - turn.T) / np.linalg.norm(turn - turn.T, 2)
    for step in range(steps):
        V = scipy.linalg.expm(angle * step * turn) @ Q[len(values)]
        yield (V * values) @ V.T, V


def followed(refresh, gap=3.0, angle=0.01, k=4):
    """True sine of the largest angle, and its bound, after each step of a matrix followed at each `refresh`-th."""
    values = np.concatenate([np.linspace(9, 5, k), 5 - gap - np.sort(RANDOM.random(60 - k))])
    now, sines, bounds = None, [], []
    for step, (A, V) in enumerate(rotated(values, angle, 25)):
        if step % refresh == 0:
            now = eigen.track(A, V[:, : k + 2] if now is None else now.vectors, k, 1)
        sines.append(np.sin(scipy.linalg.subspace_angles(now.vectors[:, :k], V[:, :k]).max()))
        bounds.append(now.error(k))
    return np.array(sines), np.array(bounds)


def test_a_matrix_that_turns_slowly_is_followed():
    sines, bounds = followed(1)
    assert (sines <= bounds + 1e-12).all()
    assert sines.max() < 1e-3
    assert bounds.max() < 0.02
    rare, _ = followed(8)
    assert rare.max() > 20 * sines.max()  # it turns: without a refresh the error grows
    fast, bound = followed(1, angle=0.3)
    assert fast.max() > 5 * sines.max()
    assert (fast <= bound + 1e-12).all()


def test_without_a_gap_the_bound_is_one():
    values = np.concatenate([[9.0, 8, 5, 5, 5], BULK[60][5:]])
    A, _ = next(rotated(values, 0, 1))
    tracked = eigen.track(A, RANDOM.standard_normal((60, 6)), 3, 8)
    assert tracked.values[2] == pytest.approx(tracked.values[3], abs=1e-6)
    assert tracked.error(3) == 1 or tracked.residual / (tracked.values[2] - tracked.values[3]) < 1
    assert eigen.Tracked(np.array([2.0, 1, 1]), np.eye(3), 0.1).error(2) == 1
    assert eigen.Tracked(np.array([2.0, 1, 1]), np.eye(3), 0.1).error(1) == pytest.approx(0.1)
    assert eigen.Tracked(np.array([2.0, 1, 1]), np.eye(3), 5.0).error(1) == 1


@pytest.mark.parametrize("rotated", [True, False])
def test_what_is_found_stays(rotated):
    """No residual, no new direction: the basis is one all the same, also where X has the first unit vectors."""
    values = spectrum("apart", 60)
    _, A = made(values, rotated)
    V = Q[60] if rotated else np.eye(60)
    tracked = eigen.track(A, V[:, :5], 3, 2)
    np.testing.assert_allclose(tracked.values, values[:5], rtol=1e-12)
    np.testing.assert_allclose(tracked.vectors.T @ tracked.vectors, np.eye(5), atol=1e-12)
    assert tracked.residual < 1e-12
    assert tracked.error(3) < 1e-12
