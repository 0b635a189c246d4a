"""Spaces and vectors in the regions of J, and sums of Hessians, on networks of 160 parameters."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj
from small import Small
from training_jacobian.analyses.joint import compute as joint
from training_jacobian.analyses.joint.compute import Regions, compute
from training_jacobian.analyses.spectrum import compute as spectrum
from training_jacobian.jacobian.summed import Summed

SETTINGS = {"checkpoints": [0, 4], "bulk_tolerance": 0.1, "tolerance": 1e-8, "seed": 0, "space": 3}
RANDOM = np.random.default_rng(0)
MOMENTUM = {"name": "sgd", "learning_rate": 0.3, "momentum": 0.9}
SIDES = ("right", "left")


@pytest.fixture(scope="module")
def small():
    return Small(optimizer=MOMENTUM)


@pytest.fixture(scope="module")
def files(small):
    return compute(small, SETTINGS)


@pytest.fixture(scope="module")
def regions(small):
    return Regions(small, 0.1)


def shares(rows):
    return {(row["side"], row["region"]): row["share"] for row in rows}


def test_regions_are_those_of_the_spectrum_without_the_exact_bulk(small, regions):
    S = small.read("svd")["S"]
    named = spectrum.regions(S, 0.1)
    assert (joint.regions_of(S, 0.1) == named).all()
    exact = regions.exact.shape[1]
    assert exact >= 3  # the gauge of the softmax: as many as biases and units
    for side in SIDES:
        for region in ("chaotic", "bulk", "stable"):
            basis = regions.bases[side, region]
            assert len(basis) == (named == region).sum() - (exact if region == "bulk" else 0) > 0
            np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-9)
            assert np.abs(basis @ regions.exact).max() < 1e-6


def test_shares_sum_to_one_on_each_side(files):
    for table in files.values():
        keys = [each for each in ("what", "step", "side") if each in table]
        sums = table.groupby(keys, dropna=False)["share"].sum()
        np.testing.assert_allclose(sums, 1, atol=1e-9)
        chances = table.groupby(keys, dropna=False)["chance"].sum()
        np.testing.assert_allclose(chances, 1, atol=1e-12)
        assert (table["share"] <= table["chance"] + 1e-9).any()


def test_a_vector_of_the_exact_bulk_has_no_share(regions):
    """What is left out is in no region: without it the vector is rounding, and with it the shares still sum to 1."""
    vector = regions.exact[:, :1]
    assert np.linalg.norm(regions.outside(vector)) < 1e-10
    mixed = vector + regions.bases["left", "stable"][:1].T
    assert shares(regions.shares(mixed))["left", "stable"] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("region", ["chaotic", "bulk", "stable"])
def test_what_is_planted_in_a_region_is_found_there(regions, side, region):
    basis = regions.bases[side, region]
    space = basis.T @ np.linalg.qr(RANDOM.standard_normal((len(basis), 2)))[0]
    found = shares(regions.shares(space))
    for (other, name), share in found.items():
        if other == side:
            assert share == pytest.approx(float(name == region), abs=1e-9)
    other = found[SIDES[side == "right"], region]
    assert other < 1 - 1e-3  # on the other side of J it lies elsewhere, too
    row = next(row for row in regions.shares(space) if (row["side"], row["region"]) == (side, region))
    assert row["chance_corrected"] == pytest.approx(1, abs=1e-9)


def test_chance_is_what_random_spaces_have(regions):
    size, many = len(regions.exact), 200
    found = [shares(regions.shares(np.linalg.qr(RANDOM.standard_normal((size, 3)))[0])) for _ in range(many)]
    for row in regions.shares(np.eye(size)[:, :1]):
        each = np.array([one[row["side"], row["region"]] for one in found])
        assert abs(each.mean() - row["chance"]) < 4 * each.std() / np.sqrt(many)


def test_tables(small, files):
    spaces, path = files["spaces.csv"], files["path.csv"]
    assert spaces["what"].unique().tolist() == ["top", "average", "random"]
    assert spaces[spaces["what"] == "top"]["step"].unique().tolist() == [0, 4, 15]
    assert path["what"].unique().tolist() == ["displacement", "gradient"]
    assert path[path["what"] == "gradient"]["step"].unique().tolist() == list(range(16))
    regions = Regions(small, 0.1)
    for step in (0, 4, 15):
        top = np.linalg.eigh(small.dense(small.at(step)))[1][:, -3:]
        wanted = shares(regions.shares(top))
        for row in spaces[spaces["step"] == step].itertuples():
            assert row.share == pytest.approx(wanted[row.side, row.region], abs=1e-7)
        g = small.slope(small.at(step))
        wanted = shares(regions.shares(g[:, None]))
        for row in path[path["step"] == step].itertuples():
            assert row.share == pytest.approx(wanted[row.side, row.region], abs=1e-9)
            assert row.norm == pytest.approx(np.linalg.norm(g))
    moved = path[path["what"] == "displacement"]
    assert moved["norm"].iloc[0] == pytest.approx(np.linalg.norm(small.at(15) - small.first))
    mean = sum(small.dense(small.at(t), batch=b) for t, b in enumerate(small.problem.batches)) / 15
    wanted = shares(regions.shares(np.linalg.eigh(mean)[1][:, -3:]))
    for row in spaces[spaces["what"] == "average"].itertuples():
        assert row.share == pytest.approx(wanted[row.side, row.region], abs=1e-7)


def test_on_a_quadratic_the_top_space_is_stable():
    """Linear regression, the whole set a batch: J = (I - eta H)^T, whose directions are those of H."""
    small = Small(hidden=(), loss="mse", examples=30, batch=30, epochs=3)
    files = compute(small, {**SETTINGS, "checkpoints": [0]})
    spaces = files["spaces.csv"].pivot_table(index=["what", "side"], columns="region", values="share", dropna=False)
    for side in SIDES:
        for what in ("top", "average"):
            assert spaces.loc[(what, side), "stable"] == pytest.approx(1, abs=1e-9)
        random = spaces.loc[("random", side)]
        assert random["stable"] == pytest.approx(160 / 300, abs=0.1)  # 16 of 30 eigenvalues, ten times each
        assert random["bulk"] == pytest.approx(140 / 300, abs=0.1)


@pytest.mark.parametrize("every", [5, 15])
def test_steps_that_are_not_kept_are_made_again(files, every):
    other = compute(Small(optimizer=MOMENTUM, every=every), SETTINGS)
    np.testing.assert_allclose(other["spaces.csv"]["share"], files["spaces.csv"]["share"], atol=1e-7)
    gradients = other["path.csv"].query("what == 'gradient'")
    assert gradients["step"].unique().tolist() == list(range(0, 16, every))


@pytest.mark.parametrize("every", [1, 5])
def test_sums_of_hessians(every):
    """Against jax.hessian of each batch where its step was taken."""
    small = Small(every=every)
    dense = np.stack([small.dense(small.at(t), batch=b) for t, b in enumerate(small.problem.batches)])
    weights, V = RANDOM.standard_normal((2, 15)), RANDOM.standard_normal((4, 160))
    summed = Summed(small.problem.gradient, small.problem.batches, small.trajectory())
    wanted = np.einsum("wt,tij,kj->wki", weights, dense, V)
    np.testing.assert_allclose(summed.products(V, weights), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max() * 10)
    operator = summed.operator(weights[0])
    np.testing.assert_allclose(operator @ V.T, wanted[0].T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(operator @ V[0], wanted[0, 0], rtol=0, atol=1e-10)
    shifted = np.einsum("wt,tij,kj->wki", weights, np.roll(dense, 1, axis=0), V)
    assert np.abs(shifted - wanted).max() > 1e-3  # a Hessian of another step is another number


def test_more_steps_than_are_read_at_a_time(monkeypatch):
    small, V = Small(), RANDOM.standard_normal((2, 160))
    weights = RANDOM.standard_normal((1, 15))
    make = lambda: Summed(small.problem.gradient, small.problem.batches, small.trajectory()).products(V, weights)
    whole = make()
    monkeypatch.setattr("training_jacobian.jacobian.summed.SEGMENT", 4)
    np.testing.assert_allclose(make(), whole, rtol=0, atol=1e-13)


def test_in_a_session():
    x, y = RANDOM.standard_normal((6, 8, 6)), RANDOM.integers(0, 3, (6, 8))
    loss = lambda w, b: optax.softmax_cross_entropy_with_integer_labels(jnp.tanh(b[0] @ w), b[1]).mean()
    training = tj.train(loss, RANDOM.standard_normal((6, 3)), optax.sgd(0.5), (x, y))
    files = tj.analyses.joint(training, space=2, checkpoints=[3])
    assert files["spaces.csv"]["step"].dropna().unique().tolist() == [3, 6]
    sums = files["path.csv"].groupby(["what", "step", "side"], dropna=False)["share"].sum()
    np.testing.assert_allclose(sums, 1, atol=1e-9)
    with pytest.raises(ValueError, match=r"joint: joint\.checkpoints: there is no step 7|joint.*no step 7 in 0\.\.6"):
        tj.analyses.joint(training, space=2, checkpoints=[7])
    with pytest.raises(ValueError, match="the number of classes is not known; give space"):
        tj.analyses.joint(training)
