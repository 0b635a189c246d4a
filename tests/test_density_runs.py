"""Counts of singular values of J - I of trainings, against dense ones, whatever was deflated."""

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from scipy.sparse.linalg import aslinearoperator

from test_density import NONE, single
from tiny import Tiny
from training_jacobian.artifacts.address import key
from training_jacobian.run import Run
from training_jacobian.spectral import partial_svd
from training_jacobian.spectral import quadrature as density
from training_jacobian.stages import analysis

KINDS = {
    "sgd": optax.identity(),
    "momentum": optax.trace(0.9),
    "adam": optax.scale_by_adam(eps_root=1e-8),
    "lion": optax.scale_by_lion(),
}
RUNS = {  # kind, learning rate, weight decay, steps
    "sgd, small rate": ("sgd", 1e-3, 0, 9),
    "sgd": ("sgd", 0.3, 0, 9),
    "sgd, large rate": ("sgd", 3, 0, 9),
    "sgd with decay": ("sgd", 0.5, 0.5, 9),
    "sgd forgets": ("sgd", 1, 1, 9),
    "one step": ("sgd", 0.3, 0, 1),
    "one small step": ("sgd", 1e-6, 0, 1),
    "momentum, small rate": ("momentum", 3e-3, 0, 9),
    "momentum": ("momentum", 0.3, 0, 9),
    "adam, small rate": ("adam", 1e-4, 0, 9),
    "adam": ("adam", 0.01, 0, 9),
    "adamw": ("adam", 0.01, 0.1, 9),
    "lion: J = I": ("lion", 0.01, 0, 9),
    "lion with decay: J = c I": ("lion", 0.01, 0.5, 9),
    "lion forgets: J = 0": ("lion", 1, 1, 9),
}
THRESHOLDS = np.array([1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10, 1e3])
WIDER = 2


@pytest.fixture(scope="module")
def jacobians():
    """J (N, N) of the runs; one program for all of them, for it is compiling that takes time here."""
    tiny = Tiny(hidden=(6,), inputs=5)
    gradient = tiny.gradient()

    def end(theta, kind, rate, decay, steps):
        def step(carry, batch):
            theta, memory, t = carry
            made = [each.update(gradient(theta, batch), old) for each, old in zip(KINDS.values(), memory, strict=True)]
            direction = sum(part * update for part, (update, _) in zip(kind, made, strict=True)) + decay * theta
            theta = theta - jnp.where(t < steps, rate, 0) * direction
            return (theta, [new for _, new in made], t + 1), None

        start = theta, [each.init(theta) for each in KINDS.values()], 0
        return jax.lax.scan(step, start, tiny.batches)[0][0]

    jacobian = jax.jit(jax.jacfwd(end))
    kinds = dict(zip(KINDS, np.eye(len(KINDS)), strict=True))
    return {
        name: np.asarray(jacobian(tiny.theta, kinds[kind], *map(float, rest))) for name, (kind, *rest) in RUNS.items()
    }


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, np.float64) for name in RUNS), ("sgd", np.float32), ("momentum", np.float32)]
)
def test_intervals_of_trainings(jacobians, name, dtype):
    """Whatever is deflated, they hold the dense truth, and are at most WIDER times as wide as is needed.

    Needed: what as many probes and steps leave open with exact triplets of J - I in place of those, and one; and as
    many as were deflated where these are vectors of J, or where their bounds are no less than t / 2N.
    """
    J = jacobians[name].astype(dtype).astype(np.float64)
    size, difference = len(J), J - np.eye(len(J))
    exact, right = np.linalg.svd(difference)[1:]
    rounding = 1e-12 if dtype == np.float64 else 1e-5  # values so near a threshold are on either side
    least, most = ((exact < THRESHOLDS[:, None] * each).sum(axis=1) for each in (1 - rounding, 1 + rounding))
    wrap = aslinearoperator if dtype == np.float64 else single
    A = wrap(difference)
    missed = 0
    for own, tolerance, products, probes, steps in (
        (True, 1e-8, size, 4, 24),
        (True, 1e-8, size, 2, 4),
        (True, 0.5, 14, 4, 24),
        (False, 1e-8, size, 4, size - 10),
        (False, 0.5, 14, 4, 24),
    ):
        operator = A if own else wrap(J)
        triplets = partial_svd.largest(operator, 10, max(tolerance, rounding), 4, products)
        good = triplets["converged"]
        sigma, bound, r = triplets["S"][good], triplets["bound"][good], good.sum()
        if not own:
            sigma, bound = sigma - np.minimum(bound, density.SINGLE * sigma) - 1, np.full(r, np.inf)
        found = density.quadrature(A, triplets["Vt"][good].T, probes, steps)
        rows = density.counts(found, THRESHOLDS, sigma, bound)
        assert ((rows["low"] <= most) & (least <= rows["high"])).all(), rows
        assert ((rows["low"] >= 0) & (rows["high"] <= size)).all()
        assert (rows["count"].isna() | rows["count"].between(rows["low"], rows["high"])).all()
        ideal = density.quadrature(A, right[:r].T, probes, steps)
        needed = density.counts(ideal, THRESHOLDS, exact[:r], np.zeros(r)).eval("high - low") + 1
        says_nothing = 2 * np.sqrt(np.sum(bound**2)) >= THRESHOLDS / (2 * size)
        assert (rows["high"] - rows["low"] <= WIDER * (needed + np.where(says_nothing, r, 0))).all(), rows
        missed += (density.counts(found, THRESHOLDS, NONE, NONE)["high"] < least).sum()
    assert missed > 0  # negative control: counts without what was deflated


@pytest.mark.parametrize("operator", ["J", "J_minus_identity"])
def test_stage(jacobians, operator, tmp_path, monkeypatch):
    """A training that changes little, triplets below the thresholds: what they are is said of the right operator."""
    J = jacobians["momentum, small rate"]
    size, difference = len(J), J - np.eye(len(J))
    made = partial_svd.largest(aslinearoperator(J if operator == "J" else difference), 8, 1e-8, 4, size)
    assert made["converged"].all()
    thresholds = [1e-3, 3e-2, 0.1, 1]
    settings = {"density": {"thresholds": thresholds, "probes": 4, "steps": 20, "seed": 0}}
    triplets = {"stage": "triplets", "parameters": {"svd": {"operators": [operator]}}, "code": {}}
    recipe = {"stage": "density", "parameters": settings, "code": {}, "from": triplets}
    out = tmp_path / "density" / key(recipe)
    kept = []  # killed, the analysis goes on from there
    monkeypatch.setattr(Run, "jacobian", lambda run: kept.append(run.folder) or aslinearoperator(J))
    read = lambda run, stage, names: {name: made[name.removeprefix(f"{operator}/")] for name in names}
    monkeypatch.setattr(Run, "read", read)
    analysis.make(recipe, out)
    assert kept == [out]
    assert sorted(each.name for each in out.iterdir()) == ["SHA256SUMS", "bulk.h5", "counts.csv", "recipe.json"]
    rows = pd.read_csv(out / "counts.csv")
    truth = (np.linalg.svd(difference)[1] < np.array(thresholds)[:, None]).sum(axis=1)
    assert truth[2] > size - 8  # deflated ones lie below
    assert ((rows["low"] <= truth) & (truth <= rows["high"])).all()
    assert (rows["deflated"] == 8).all()
    assert (rows["high"] - rows["low"]).iloc[1:].max() <= (20 if operator == "J" else 10)
    with h5py.File(out / "bulk.h5") as file:
        lengths = np.linalg.norm(difference @ file["V"][()], axis=0)
        np.testing.assert_allclose(lengths, file["changed_by"][()], rtol=1e-5, atol=1e-7)
