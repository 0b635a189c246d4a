"""Counts of singular values by stochastic Lanczos quadrature: planted spectra, bounds, what is refused."""

import numpy as np
import pytest
import scipy.stats
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from training_jacobian.spectral import partial_svd
from training_jacobian.spectral import quadrature as density

SIZE = 300
RANDOM = np.random.default_rng(3)
S = np.concatenate([np.geomspace(30, 1.1, 20), np.geomspace(1, 1e-4, 280)])
U, V = (np.linalg.qr(RANDOM.standard_normal((SIZE, SIZE)))[0] for _ in range(2))
A = aslinearoperator((U * S) @ V.T)
NONE = np.zeros(0)


def single(M):
    """The operator with products in float32."""
    M = M.astype(np.float32)
    forward, backward = lambda X: M @ X.astype(np.float32), lambda X: M.T @ X.astype(np.float32)
    return LinearOperator(M.shape, forward, backward, forward, np.float32, backward)


def table(thresholds, deflated=20, probes=4, steps=60, seed=0):
    found = density.quadrature(A, V[:, :deflated], probes, steps, seed)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-12)
    return density.counts(found, thresholds, S[:deflated], np.zeros(deflated)).set_index("threshold")


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5, 5])
def test_uncertainty_covers_the_truth(threshold):
    """Of values below the deflated ones, and between those."""
    truth, off = (threshold > S).sum(), []
    for seed in range(6):
        row = table([threshold], seed=seed).loc[threshold]
        assert row["low"] <= truth <= row["high"]
        assert row["low"] <= row["count"] <= row["high"]
        off.append(abs(row["count"] - truth))
    assert max(off) > 0.1  # it is an estimate
    assert row["high"] - row["low"] < 0.25 * SIZE
    assert row["resolution"] < 0.05 * SIZE


def test_all_steps_leave_nothing_open():
    """With as many steps as directions the nodes are all singular values."""
    row = table([0.2], deflated=20, steps=280).loc[0.2]
    assert row["low"] == row["count"] == row["high"] == (S < 0.2).sum()
    assert row["resolution"] < 1e-6


def test_bounds_hold_for_each_probe():
    """Chebyshev, Markov and Stieltjes, against F itself."""
    found = density.quadrature(A, V[:, :0], 1, 25, seed=1)
    z = np.random.default_rng([1, 1]).standard_normal((SIZE, 1))[:, 0]
    parts = (V.T @ (z / np.linalg.norm(z))) ** 2
    below = np.cumsum(found.weights[0])
    for theta, least, most in zip(found.nodes[0], below - found.weights[0], below, strict=True):
        assert least - 1e-9 <= parts[theta > S].sum() + 1e-9
        assert parts[theta + 1e-9 >= S].sum() <= most + 1e-9


@pytest.mark.parametrize("part", [0, 1, 3, 150, 297, 300])
def test_limits_have_their_level(part):
    """F known exactly, `part` of 300 directions below: 2.5 % outside at most on either side, and not far fewer."""
    random, draws, probes = np.random.default_rng(part), 1000, 4
    squares = random.standard_normal((draws, probes, SIZE)) ** 2
    lengths, F = np.sqrt(squares.sum(axis=2)), squares[..., :part].sum(axis=2) / squares.sum(axis=2)
    above, below = 0, 0
    for length, each in zip(lengths, F, strict=True):
        nodes, rounding = np.tile([0.1, 1.0], (probes, 1)), np.zeros(probes)
        weights = np.stack([each, 1 - each], axis=1)
        found = density.Quadrature(nodes, weights, NONE, length, np.ones(probes, bool), rounding, SIZE)
        low = density._fewest(each, found, 0.025)
        high = SIZE - density._fewest(1 - each, found, 0.025)
        above, below = above + (part < low), below + (part > high)
    assert max(above, below) <= 0.025 * draws + 4 * np.sqrt(0.025 * draws)
    if part == 1:  # Student's t, which knows nothing of the skewness, misses far more often
        reach = scipy.stats.t.ppf(0.975, probes - 1) * F.std(axis=1, ddof=1) / np.sqrt(probes)
        assert (np.abs(F.mean(axis=1) - part / SIZE) > reach).mean() > 0.1
    if part == 150:
        assert min(above, below) >= 0.01 * draws


def test_deflation_sharpens():
    sharp, blurred = (table([0.2], deflated=each).loc[0.2, "resolution"] for each in (20, 0))
    assert sharp < 0.7 * blurred


@pytest.mark.parametrize("values", [[3.0, 1.0, 0.5, 0.1], [0.5], [0.0]])
def test_few_distinct_values(values):
    """The Krylov space ends after a step for each: further nodes are copies, have no weight, or there are none."""
    spectrum = np.repeat(values, SIZE // len(values))
    few = aslinearoperator((U * spectrum) @ V.T)
    found = density.quadrature(few, V[:, :0], 4, 20)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-12)
    off = np.abs(found.nodes[..., None] - values).min(axis=-1)
    assert off[found.weights > 1e-12].max() < 1e-7
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=0), 1, rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(few @ found.vectors, axis=0), found.nodes[:, 0], atol=1e-7)
    for threshold, row in density.counts(found, [1e-3, 0.3, 0.7, 5], NONE, NONE).set_index("threshold").iterrows():
        truth = (spectrum < threshold).sum()
        assert row["low"] <= truth <= row["high"]
        if len(values) == 1:
            assert row["low"] == row["count"] == row["high"]
    assert found.exact.all() == (len(values) == 1)


def test_squares_have_their_rounding():
    """A^T A squares that of products: values about a threshold by less than it are on either side."""
    spectrum = np.concatenate([np.linspace(1, 2, 30), np.full(270, 1e-5)])
    found = density.quadrature(single((U * spectrum) @ V.T), V[:, :0], 4, 60)
    bare, wrong = found._replace(rounding=np.zeros(4)), 0
    for threshold in np.geomspace(1.1e-5, 0.5, 20):
        row, without = (density.counts(each, [threshold], NONE, NONE).iloc[0] for each in (found, bare))
        assert row["low"] <= 270 <= row["high"]
        wrong += not without["low"] <= 270 <= without["high"]
    assert wrong > 0
    found = density.quadrature(aslinearoperator(-(U * np.ones(SIZE)) @ V.T), V[:, :10], 4, 20)
    row = density.counts(found, [1.0], np.ones(10), np.zeros(10)).iloc[0]
    assert (row["low"], row["high"]) == (0, SIZE)


def test_any_directions_may_be_left_out():
    """Interlacing: up to as many more lie below as were left out; and that is not too much to say."""
    random = np.linalg.qr(RANDOM.standard_normal((SIZE, 40)))[0]
    random[:, :20] = V[:, :20]  # so that the thresholds can be resolved
    found = density.quadrature(A, np.linalg.qr(random)[0], 8, 260)
    truth, unknown = (S < 0.2).sum(), np.full(40, np.inf)

    def counted(sigma, threshold=0.2):
        return density.counts(found, [threshold], sigma, unknown).iloc[0]

    row, alone = counted(np.zeros(40)), density.counts(found, [0.2], NONE, NONE).iloc[0]
    assert row["low"] <= truth <= row["high"]
    assert truth > alone["high"]
    assert row["high"] - alone["high"] == 40
    # what is known of the largest singular values bounds the count from above
    largest = np.sort(S)[::-1][:40]
    assert counted(0.99 * largest)["high"] == min(row["high"], SIZE - 40) >= truth
    assert counted(0.99 * largest, 1.05)["high"] == (S < 1.05).sum()
    assert counted(np.full(40, 2.0), 1.05)["high"] < (S < 1.05).sum()  # negative control: more than is true


@pytest.mark.parametrize("threshold", [0.3, 0.6, 1.0])
def test_directions_of_j_close_to_the_identity(threshold):
    """They are no triplets of J - I, and nothing is known of it: the estimate must not lose them."""
    random = np.random.default_rng(0)
    J = np.eye(160) + 0.04 * random.standard_normal((160, 160))  # |J - I| is up to 1
    truth = int((np.linalg.svd(J - np.eye(160))[1] < threshold).sum())
    top, right = np.linalg.svd(J)[1:]
    found = density.quadrature(aslinearoperator(J - np.eye(160)), right[:20].T, 4, 60)
    row = density.counts(found, [threshold], top[:20] - 1, np.full(20, np.inf)).iloc[0]
    assert row["low"] <= truth <= row["high"]
    assert abs(row["count"] - truth) <= row["resolution"] + row["statistical"]


@pytest.mark.parametrize("tilt", [1e-9, 1e-4, 1e-2, 0.3])
def test_triplets_that_have_not_converged(tilt):
    """Ritz triplets of tilted subspaces, many below the thresholds, in a quadrature that leaves nothing else open."""
    spectrum = np.concatenate([np.geomspace(3, 0.1, 30), np.geomspace(0.2, 1e-3, 50)])
    left, right = (np.linalg.qr(RANDOM.standard_normal((80, 80)))[0] for _ in range(2))
    B = (left * spectrum) @ right.T
    missed, widths, bounds = 0, [], []
    for seed in range(4):
        random = np.random.default_rng(seed)
        X, Y = (
            np.linalg.qr(basis[:, :30] + tilt / np.sqrt(80) * random.standard_normal((80, 30)))[0]
            for basis in (left, right)
        )
        x, sigma, yt = np.linalg.svd(X.T @ B @ Y)
        u, v = X @ x, Y @ yt.T
        squares = np.linalg.norm(B @ v - sigma * u, axis=0) ** 2 + np.linalg.norm(B.T @ u - sigma * v, axis=0) ** 2
        bound, thresholds = np.sqrt(squares / 2), list(np.geomspace(2e-3, 4, 40))
        found = density.quadrature(aslinearoperator(B), v, 2, 50)
        made, certain = (density.counts(found, thresholds, sigma, each) for each in (bound, 0 * bound))
        truth = (spectrum < np.array(thresholds)[:, None]).sum(axis=1)
        assert ((made["low"] <= truth) & (truth <= made["high"])).all()
        assert (made["high"] - made["low"]).max() <= 31
        missed += ((truth < certain["low"]) | (truth > certain["high"])).sum()
        widths.extend(made["high"] - made["low"])
        bounds.extend(bound)
    if tilt < 1e-6:
        assert max(widths) <= 1
    if tilt > 0.1:
        assert max(bounds) > 0.1
        assert missed > 0  # negative control: bounds that are too small


def test_probes_are_not_the_start_of_the_triplets():
    """Of one seed and as many vectors: such probes lie in what was deflated, but for a rest that is not random."""
    triplets = partial_svd.largest(A, 24, 1e-8, 4, 24)
    found = density.quadrature(A, triplets["Vt"].T, 4, 4)
    start = np.random.default_rng(0).standard_normal((SIZE, 4))
    rest = np.linalg.norm(start - triplets["Vt"].T @ (triplets["Vt"] @ start), axis=0)
    np.testing.assert_allclose(found.lengths**2, SIZE - 24, rtol=0.5)
    assert (rest < 1e-6).all()


def test_vectors_of_the_least_nodes():
    found = density.quadrature(A, V[:, :20], 3, 30)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=0), 1, rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(A @ found.vectors, axis=0), found.nodes[:, 0], rtol=1e-6)
    assert np.abs(V[:, :20].T @ found.vectors).max() < 1e-10


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"281 steps are more than the 280 directions; lower density\.steps"):
        table([0.2], steps=281)
    with pytest.raises(ValueError, match=r"deflated directions are off orthonormal by 1\.0e\+00; compute the triplets"):
        density.quadrature(A, np.hstack([V[:, :3], V[:, :1]]), 2, 4)
    with pytest.raises(TypeError, match="the operator is complex128; counts are of real operators"):
        density.quadrature(aslinearoperator(np.eye(9) * 1j), np.zeros((9, 0)), 2, 4)
    with pytest.raises(ArithmeticError, match="the product of step 1 is not finite; lower the learning rate"):
        density.quadrature(aslinearoperator(np.diag([np.nan, *range(8)])), np.zeros((9, 0)), 2, 4)


def test_threshold_above_all_is_answered():
    row = table([40.0], deflated=0).loc[40.0]
    assert row["low"] <= SIZE == row["high"]
    assert row["count"] == pytest.approx(SIZE, rel=0.02)


def test_threshold_below_the_resolution_has_limits_only():
    found = table([1e-4, 0.5])
    assert found.loc[1e-4, ["count", "statistical", "resolution"]].isna().all()
    assert found.loc[1e-4, "low"] <= (S < 1e-4).sum() <= found.loc[1e-4, "high"] < SIZE
    assert found.loc[0.5].notna().all()
