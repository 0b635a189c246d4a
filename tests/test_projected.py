"""Trainings whose steps are projected, against what each is by definition, on a network of 160 parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.linalg import subspace_angles

import training_jacobian as tj
from small import ADAM, SGD, Small
from training_jacobian.analyses.projected import compute as projected
from training_jacobian.analyses.projected.compute import Projector, compute
from training_jacobian.learning.whole import Whole, of_training_set
from training_jacobian.progress import Progress

KINDS = ["dominant", "bulk", "random", "newton"]
SETTINGS = {"kinds": KINDS, "refresh": 1, "iterations": 2, "every": 5, "switch": 4, "seed": 0, "space": 3}
MOMENTUM = {**SGD, "momentum": 0.9}
RUNS = {"sgd": {}, "momentum": {"optimizer": MOMENTUM}, "adam": {"optimizer": ADAM}, "float32": {"dtype": "float32"}}


@pytest.fixture(scope="module", params=RUNS)
def small(request):
    return Small(**RUNS[request.param])


def thetas(small, kind, **changes):
    """theta at each step of a training of a kind, and its projector."""
    settings = {**SETTINGS, "every": 1, **changes}
    projector = Projector(of_training_set(small.problem), settings["space"], settings, kind)
    trajectory = small.trajectory()
    made = projected.train(trajectory, small.problem, projector, settings["switch"], settings, Progress("", 1, ""))
    steps, found = zip(*made, strict=True)
    assert list(steps) == list(range(16))
    return np.stack(found), projector


def test_plain_is_the_run_itself(small):
    """Bit for bit until the switch; after it the same step, compiled alone and not in a scan, so but for rounding."""
    found, _ = thetas(small, "plain")
    assert np.array_equal(found[:5], small.theta[:5])
    most = 100 * np.finfo(small.problem.dtype).eps
    np.testing.assert_allclose(found, small.theta, rtol=0, atol=most * np.abs(small.theta).max())
    assert found.dtype == small.problem.dtype
    for kind in KINDS:
        other, _ = thetas(small, kind)
        assert np.array_equal(other[:5], small.theta[:5])
        assert np.abs(other[5] - small.theta[5]).max() > 100 * most  # they do differ from there on


def test_the_first_projected_steps_are_parts_of_the_plain_one(small):
    """From the same state: dominant and bulk together are the step, and the former lies in the true top space."""
    plain, dominant, bulk, random = (thetas(small, kind)[0] for kind in ("plain", "dominant", "bulk", "random"))
    at = plain[4].astype(np.float64)
    step, inside, outside, other = (each[5] - at for each in (plain, dominant, bulk, random))
    most = 10 * np.finfo(small.problem.dtype).eps
    np.testing.assert_allclose(inside + outside, step, rtol=0, atol=most)
    top = np.linalg.eigh(small.dense(at))[1][:, ::-1][:, :3]
    bound = max(1e-5, 100 * most / np.linalg.norm(step))
    np.testing.assert_allclose(inside, top @ (top.T @ step), rtol=0, atol=bound * np.linalg.norm(step))
    assert np.linalg.norm(top.T @ outside) < bound * np.linalg.norm(step)
    assert np.linalg.norm(other) < np.linalg.norm(step)
    assert np.abs(top.T @ other - top.T @ inside).max() > 10 * bound * np.linalg.norm(step)


@pytest.fixture(scope="module")
def plain_run():
    return Small()


def test_dominant_steps_lie_in_the_true_top_space_to_the_bound(plain_run):
    """At each step, against the dense Hessian there; projectors that are seldom made do not."""
    most = {}
    for refresh in (1, 11):
        found, projector = thetas(plain_run, "dominant", refresh=refresh, iterations=3)
        bounds = {row["step"]: row["error_bound"] for row in projector.rows}
        assert list(bounds) == list(range(4, 15, refresh))
        sines = []
        for step in range(4, 15):
            values, vectors = np.linalg.eigh(plain_run.dense(found[step]))
            change, top = found[step + 1] - found[step], vectors[:, ::-1][:, :3]
            sines.append(np.linalg.norm(change - top @ (top.T @ change)) / np.linalg.norm(change))
            if step in bounds:
                assert sines[-1] <= bounds[step] + 1e-9
                row = projector.rows[list(bounds).index(step)]
                assert row["eigenvalue"] == pytest.approx(values[-3], rel=1e-2)
                assert row["next_eigenvalue"] == pytest.approx(values[-4], rel=0.05)
        most[refresh] = max(sines)
    assert most[11] > 10 * most[1]


def test_the_projector_follows_the_top_space(plain_run):
    projector = Projector(of_training_set(plain_run.problem), 3, SETTINGS, "dominant")
    for step in range(0, 15, 2):
        theta = plain_run.theta[step]
        projector.move(step, theta)
        top = np.linalg.eigh(plain_run.dense(theta))[1][:, -3:]
        sine = np.sin(subspace_angles(projector.top, top).max())
        row = projector.rows[-1]
        assert sine <= row["error_bound"] + 1e-9
        g = plain_run.slope(theta)
        chi = np.linalg.norm(top.T @ g) / np.linalg.norm(g)
        assert row["chi"] == pytest.approx(chi, abs=2 * row["error_bound"] + 1e-9)
        assert abs(row["chi"] - chi**2) > 1e-3  # it is not the square


def test_newton_lands_where_the_gradient_of_a_quadratic_is_zero():
    """Linear regression: after one step the gradient has no part in the top space, and the rest of it stays."""
    small = Small(hidden=(), loss="mse", examples=200, batch=40, epochs=1)
    whole = of_training_set(small.problem)
    projector = Projector(whole, 10, SETTINGS, "newton")
    projector.move(0, small.first)
    step = projector.newton(small.first)
    before, after = (whole.loss_and_gradient(theta)[1] for theta in (small.first, small.first + step))
    top = projector.top
    assert np.linalg.norm(top.T @ after) < 1e-5 * np.linalg.norm(top.T @ before)
    outside = lambda g: g - top @ (top.T @ g)
    np.testing.assert_allclose(outside(after), outside(before), rtol=0, atol=1e-5)
    half = whole.loss_and_gradient(small.first + step / 2)[1]
    assert np.linalg.norm(top.T @ half) == pytest.approx(np.linalg.norm(top.T @ before) / 2, rel=1e-4)


def test_where_an_eigenvalue_is_negative_newton_goes_down_and_where_it_is_zero_nowhere():
    curvature, theta = np.array([4.0, 1, 0, -2, -3, -4, -5, -6]), np.arange(1.0, 9)
    value = lambda theta, piece: jnp.sum(piece * theta**2) / 2 + jnp.sum(theta) * 3e-13  # of which rounding is made
    whole = Whole(value, jax.grad(value), (jnp.asarray(curvature)[None],), (np.ones(1),))
    projector = Projector(whole, 4, SETTINGS, "newton")
    projector.move(0, theta)
    np.testing.assert_allclose(projector.newton(theta), [-1, -2, 0, 4, 0, 0, 0, 0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("refresh", [1, 3])
def test_the_switch_is_where_chi_averaged_is_above_its_level(refresh):
    small = Small(seed=1)
    averages, average = {}, None
    for step in range(0, 15, refresh):
        theta = small.at(step)
        g, top = small.slope(theta), np.linalg.eigh(small.dense(theta))[1][:, -3:]
        chi = np.linalg.norm(top.T @ g) / np.linalg.norm(g)
        average = chi if average is None else 0.5 * average + 0.5 * chi
        averages[step] = average
    before = {step: max(list(averages.values())[:i]) for i, step in enumerate(averages) if i}
    highest = max(before, key=lambda step: averages[step] - before[step])  # the clearest of new heights
    assert averages[highest] - before[highest] > 0.01
    level = (averages[highest] + before[highest]) / 2
    settings = {**SETTINGS, "chi": level, "decay": 0.5, "refresh": refresh, "kinds": ["bulk"], "iterations": 8}
    settings.pop("switch")
    files = compute(small, settings)
    assert files["losses.csv"]["switch"].unique().tolist() == [highest]
    rows = files["projector.csv"]
    before = rows[rows["kind"] == "plain"]
    assert before["step"].tolist() == list(range(0, highest + 1, refresh))
    assert rows[rows["kind"] == "bulk"]["step"].min() == highest
    assert before["chi"].iloc[-1] != pytest.approx(averages[highest], abs=1e-4)  # the average is not the last


def test_a_level_that_is_never_reached(plain_run):
    settings = {**SETTINGS, "chi": 0.999999}
    settings.pop("switch")
    files = compute(plain_run, settings)
    losses = files["losses.csv"]
    assert losses["kind"].unique().tolist() == ["plain"]
    assert losses["switch"].isna().all()
    assert losses["step"].tolist() == [0, 5, 10, 15]
    assert files["projector.csv"]["kind"].unique().tolist() == ["plain"]


def test_losses_are_those_of_the_networks(plain_run):
    files = compute(plain_run, SETTINGS)
    losses = files["losses.csv"]
    assert losses["kind"].unique().tolist() == ["plain", *KINDS]
    for kind, table in losses.groupby("kind"):
        found, _ = thetas(plain_run, kind)
        assert table["step"].tolist() == [0, 5, 10, 15]
        for part in ("train", "test"):
            wanted = [float(plain_run.loss_of(part)(jnp.asarray(found[step]))) for step in table["step"]]
            np.testing.assert_allclose(table[f"{part}_loss"], wanted, rtol=1e-9)
            assert table[f"{part}_accuracy"].between(0, 1).all()
    ends = losses[losses["step"] == 15].set_index("kind")["train_loss"]
    assert len(ends.round(6).unique()) == 5


def test_steps_that_are_not_kept_are_made_again(plain_run):
    for every, switch in ((5, 5), (15, 4)):
        one, other = (compute(each, {**SETTINGS, "switch": switch}) for each in (plain_run, Small(every=every)))
        for column in ("train_loss", "test_loss"):
            np.testing.assert_allclose(one["losses.csv"][column], other["losses.csv"][column], rtol=1e-9)


def test_another_seed_another_random_space(plain_run):
    (one, _), (same, _), (other, _) = (thetas(plain_run, "random", seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert np.abs(one[5] - other[5]).max() > 1e-6
    changes = np.diff(one[4:], axis=0)
    assert np.linalg.matrix_rank(changes, tol=1e-12) == 11  # another space at each refresh
    fixed, _ = thetas(plain_run, "random", refresh=11)
    assert np.linalg.matrix_rank(np.diff(fixed[4:], axis=0), tol=1e-12) == 3


def test_in_a_session():
    random = np.random.default_rng(0)
    x, y = random.standard_normal((6, 8, 6)), random.integers(0, 3, (6, 8))
    loss = lambda w, b: optax.softmax_cross_entropy_with_integer_labels(jnp.tanh(b[0] @ w), b[1]).mean()
    w = random.standard_normal((6, 3))
    network = tj.Network(lambda w, x: jnp.tanh(x @ w), x[0], x[1])
    training = tj.train(loss, w, optax.sgd(0.2), (x, y), test=(x[0], y[0]), network=network)
    losses = tj.analyses.projected(training, switch=2, chi=None, every=1)["losses.csv"]
    plain = losses[losses["kind"] == "plain"]
    assert plain["test_loss"].iloc[-1] == pytest.approx(float(loss(training.final, (x[0], y[0]))))
    mean = jnp.mean(jax.vmap(lambda x, y: loss(training.final, (x, y)))(x, y))
    assert plain["train_loss"].iloc[-1] == pytest.approx(float(mean))
    with pytest.raises(ValueError, match=r"projected: it needs one of switch, a step, and chi, a level; give one"):
        tj.analyses.projected(training, switch=2)
    with pytest.raises(ValueError, match=r"projected of this training needs a batch held out"):
        tj.analyses.projected(tj.train(loss, w, optax.sgd(0.2), (x, y), network=network))
    bare = tj.train(loss, w, optax.sgd(0.2), (x, y), test=(x[0], y[0]))
    with pytest.raises(ValueError, match=r"projected: the number of classes is not known; give space, or train"):
        tj.analyses.projected(bare)
    assert len(tj.analyses.projected(bare, space=2, switch=2, chi=None)["losses.csv"]) > 4
