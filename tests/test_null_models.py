"""Null models of J: exact on linear regression, whose Hessian is the same everywhere, and against optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj
from small import Small
from training_jacobian.analyses.null_models import compute as null
from training_jacobian.analyses.null_models.compute import compute, descended, effective, in_blocks, models, rate
from training_jacobian.jacobian import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.learning import training
from training_jacobian.progress import Progress

RANDOM = np.random.default_rng(0)
SETTINGS = {"thresholds": [0.1, 1e-10], "dimensions": {"start": 5, "stop": 60, "num": 3}}
SGD = {"name": "sgd", "learning_rate": 0.3}
RUNS = {
    "plain": {},
    "momentum": {"optimizer": {**SGD, "momentum": 0.8}},
    "nesterov and a schedule": {"optimizer": {**SGD, "momentum": 0.8, "nesterov": True}, "schedule": "cosine"},
}


def maps(small):
    """The matrix (N, N) of each null model."""
    problem, steps = small.problem, small.trajectory()
    rates = np.broadcast_to(np.asarray(rate(problem, steps.steps)), steps.steps)
    for name, H, function in models(problem, steps, rates, problem.settings["optimizer"]):
        values, vectors = np.linalg.eigh(H)
        yield name, (vectors * function(values)) @ vectors.T


def quadratic(**changes):
    """Linear regression with the whole set as each batch."""
    return Small(hidden=(), loss="mse", examples=16, batch=16, epochs=12, **changes)


@pytest.mark.parametrize("run", RUNS)
def test_on_a_quadratic_the_average_is_the_jacobian_itself(run):
    small = quadratic(**RUNS[run])
    found, J = dict(maps(small)), small.jacobian
    np.testing.assert_allclose(found["average"], J, rtol=0, atol=1e-11)
    off = np.abs(found["initial"] - J).max()
    assert off < 1e-11 if run == "plain" else off > 1e-2  # it knows no momentum
    assert np.abs(found["summed"] - J).max() > 1e-3  # an exponential is no product


def test_with_small_steps_the_exponential_is_the_jacobian_too():
    """exp(-w H) and (1 - eta H)^T: the difference is of second order in eta."""
    off = []
    for learning_rate in (0.001, 0.0001):  # so small that the next order is below the bar
        small = quadratic(optimizer={"name": "sgd", "learning_rate": learning_rate})
        off.append(np.abs(dict(maps(small))["summed"] - small.jacobian).max())
    assert off[1] == pytest.approx(off[0] / 100, rel=0.05)


def test_on_a_network_no_null_model_is_the_jacobian():
    small = Small(optimizer={**SGD, "momentum": 0.8})
    for name, made in maps(small):
        assert np.abs(made - small.jacobian).max() > 1e-2, name


def test_tables_on_a_quadratic():
    """Spectra and bulks of the average model are J's own; the other models' bulks are the same, H being one."""
    small = quadratic(optimizer={**SGD, "momentum": 0.8})
    files = compute(small, SETTINGS)
    spectra = files["spectra.csv"].pivot_table(index="index", columns="model", values="sigma")
    np.testing.assert_allclose(spectra["jacobian"], small.read("svd")["S"], atol=1e-13)
    np.testing.assert_allclose(spectra["average"], spectra["jacobian"], atol=1e-11)
    assert np.abs(spectra["initial"] - spectra["jacobian"]).max() > 1e-2
    counts = files["counts.csv"].set_index(["model", "threshold"])["count_below"]
    assert counts["average", 0.1] == counts["jacobian", 0.1] == (np.abs(small.read("svd")["S"] - 1) < 0.1).sum()
    assert counts["jacobian", 1e-10] == (65 - 16) * 10  # what is in no example: the bias counts as an input
    overlaps = files["overlaps.csv"]
    assert set(overlaps["model"]) == {"jacobian", "initial", "average", "summed"}
    assert overlaps[overlaps["model"] == "jacobian"]["side"].unique().tolist() == ["left"]
    for name, table in overlaps.groupby("model"):
        if name != "jacobian":
            assert set(table["side"]) == {"right", "left", "random"}
    whole = overlaps[overlaps["dimension"].isin([60])]  # six eigenvalues of ten each, so that no space is cut
    same = whole[(whole["side"] != "random") & whole["model"].isin(["average", "jacobian"])]
    np.testing.assert_allclose(same["mean_squared_cosine"], 1, atol=1e-6)


def test_random_spaces_have_chance_and_no_more():
    small = Small(optimizer={**SGD, "momentum": 0.8}, epochs=6)
    overlaps = compute(small, SETTINGS)["overlaps.csv"]
    random = overlaps[overlaps["side"] == "random"]
    assert random["chance_corrected"].abs().max() < 0.15
    own = overlaps[(overlaps["model"] == "summed") & (overlaps["side"] == "right")]
    assert (own["chance_corrected"] > 0.15).any()


@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_weights_are_what_a_gradient_moves_the_end_by(mu):
    """Of a loss that is linear, c_t theta: d theta_T / d c_t = -w_t."""
    rates = RANDOM.random(9)
    optimizer = optax.sgd(lambda step: jnp.asarray(rates)[step], momentum=mu)

    def end(c):
        theta = jnp.zeros(1)
        state = optimizer.init(theta)
        for each in c:
            updates, state = optimizer.update(each[None], state, theta)
            theta = optax.apply_updates(theta, updates)
        return theta[0]

    moved = jax.grad(end)(jnp.ones(9))
    np.testing.assert_allclose(effective(rates, mu), -moved, rtol=1e-12)
    other = effective(rates, 0.5)
    assert np.abs(other + moved).max() > 0.1


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_descended_is_optax(mu, nesterov):
    rates, values = RANDOM.random(7), np.array([-0.5, 0, 0.1, 1, 3])
    optimizer = optax.sgd(lambda step: jnp.asarray(rates)[step], momentum=mu, nesterov=nesterov)
    x = jnp.ones(5)
    state = optimizer.init(x)
    for _ in rates:
        updates, state = optimizer.update(values * x, state, x)
        x = optax.apply_updates(x, updates)
    np.testing.assert_allclose(descended(values, rates, mu, nesterov), x, rtol=1e-12)
    assert (np.abs(descended(values, rates, mu, not nesterov) - x).max() > 1e-3) == (mu > 0)


def test_without_momentum_it_is_the_product():
    rates, values = RANDOM.random(7), np.linspace(-1, 2, 5)
    np.testing.assert_allclose(descended(values, rates, 0), np.prod(1 - rates[:, None] * values, axis=0), rtol=1e-12)


def test_descended_is_the_jacobian_of_a_quadratic():
    """By the operator that J is made with, nesterov and a schedule."""
    H = RANDOM.standard_normal((6, 6))
    H = H + H.T
    optimizer = optax.sgd(optax.cosine_decay_schedule(0.2, 8), momentum=0.7, nesterov=True)
    theta = jnp.asarray(RANDOM.standard_normal(6))
    start = training.State(theta, optimizer.init(theta))
    run = trajectory.in_memory(training.Gradient(lambda theta, batch: H @ theta), optimizer, start, jnp.arange(8))
    J = TrainingJacobian(run).columns(0, 6)
    values, vectors = np.linalg.eigh(H)
    rates = np.array([float(optax.cosine_decay_schedule(0.2, 8)(t)) for t in range(8)])
    np.testing.assert_allclose((vectors * descended(values, rates, 0.7, True)) @ vectors.T, J, atol=1e-12)


@pytest.mark.parametrize("size", [5, 128, 130])
def test_matrices_in_blocks(size):
    made = RANDOM.standard_normal((2, size, size))
    made = made + made.transpose(0, 2, 1)
    found = in_blocks(lambda V: np.einsum("wij,kj->wki", made, V), size, Progress("", size, ""))
    np.testing.assert_allclose(found, made, rtol=0, atol=1e-13)
    assert null.BLOCK == 128


def test_of_a_training_in_a_session_there_are_none():
    """What its optimizer does is known, but not as what."""
    run = tj.train(lambda w, b: ((b @ w) ** 2).mean(), np.ones(12), optax.sgd(0.1), RANDOM.standard_normal((4, 5, 12)))
    with pytest.raises(ValueError, match=r"null_models: they are of SGD by its parameters, .* put it there$"):
        tj.analyses.null_models(run, **SETTINGS)
