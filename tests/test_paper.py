"""The real run: the paper's network on the digits, from nothing through the workflow.  Minutes; `make test-paper`."""

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, Project

RUNS = ("paper", "paper_float32")
SECTIONS = ("defaults", "spectrum", "density", "compute")
PARTIAL = {"method": "partial", "rank": 100, "operators": ["J", "J_minus_identity"]}
PARTIAL |= {"tolerance": 1e-11, "products": 1000, "block": 32, "seed": 0}

pytestmark = pytest.mark.paper


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The two main runs of params.yaml, without the experiments (tests/test_experiments.py)."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    plots = {"bird": {"kind": "bird", "runs": list(RUNS)}}
    plots |= {kind: {"kind": kind, "runs": ["partial"]} for kind in ("triplets", "density")}
    plots |= {"identity": {"kind": "identity", "runs": ["paper"]}}
    main = {name: params[name] for name in SECTIONS}
    main["density"]["probes"] = 4  # half of them: enough for what is asserted
    main["runs"] = {run: params["runs"][run] for run in RUNS} | {"partial": params["runs"]["paper"] | {"svd": PARTIAL}}
    main["figures"] = {**params["figures"], "plots": plots}
    project = Project.create(tmp_path_factory.mktemp("paper") / "project", yaml.safe_dump(main))
    project.compute()
    return project.root / "results"


@pytest.fixture(scope="module")
def runs(results):
    return pd.read_csv(results / "figs/runs.csv").set_index("run")


def test_singular_values(runs):
    for name, value in {"sigma_1": 20.4711, "sigma_2": 19.6314, "sigma_3": 19.0079}.items():
        assert runs.loc["paper", name] == pytest.approx(value, abs=0.001)
        assert runs.loc["paper_float32", name] == pytest.approx(value, rel=1e-3)
    assert runs.loc["paper", "svd_residual"] < 1e-13


def test_counts(runs):
    paper = runs.loc["paper"]
    for threshold, count in {"0.1": 2984, "0.01": 1752, "0.001": 998, "0.0001": 640, "1e-06": 290}.items():
        assert abs(paper[f"distance_from_one_below_{threshold}"] - count) <= 2
    for threshold, count in {"0.1": 2983, "0.01": 1734, "0.001": 997, "0.0001": 641}.items():
        assert abs(paper[f"sigma_minus_identity_below_{threshold}"] - count) <= 2


def test_exact_bulk(runs):
    paper = runs.loc["paper"]
    assert paper["exact_bulk_predicted"] == 257
    assert [paper[f"distance_from_one_below_{t}"] for t in ("1e-08", "1e-10", "1e-12")] == [257] * 3
    assert paper["exact_bulk_measured"] == 257
    assert paper["exact_bulk_defect"] < 1e-13
    assert 1e-7 < runs.loc["paper_float32", "exact_bulk_defect"] < 1e-4  # what float32 can say of it


def of_difference(results):
    """Singular values of J - I, rising."""
    return pd.read_csv(results / "runs/paper/identity/sigma.csv")["sigma"].to_numpy()


def test_triplets_without_forming_j(results):
    """100 of J and of J - I: sigma and projectors as by the dense SVD, and the bounds hold."""
    with h5py.File(results / "runs/paper/svd/svd.h5") as file:
        exact = {"J": file["S"][:100], "J_minus_identity": of_difference(results)[:-101:-1]}
        U, Vt = file["U"][:, :100], file["Vt"][:100]
    with h5py.File(results / "runs/partial/triplets/triplets.h5") as file:
        for name, S in exact.items():
            found, bound = file[f"{name}/S"][()], file[f"{name}/bound"][()]
            np.testing.assert_allclose(found, S, rtol=1e-8)
            assert (np.abs(found - S) <= bound + 1e-12).all()
            assert (bound <= 1e-11 * found).all()
        for ours, dense in ((file["J/U"][()].T, U.T), (file["J/Vt"][()], Vt)):
            sine = lambda these, ours=ours: np.linalg.norm(ours - these * np.sum(ours * these, axis=1)[:, None], axis=1)
            assert sine(dense).max() < 1e-8  # the norm of the difference of projectors
            assert sine(np.roll(dense, 1, axis=0)).min() > 0.9  # no other's


def test_counts_without_forming_j(results):
    counts = pd.read_csv(results / "figs/density.csv").set_index("threshold")
    S = of_difference(results)
    answered = counts.dropna(subset="count")
    assert 0.1 in answered.index
    for threshold, row in answered.iterrows():
        assert row["low"] <= (threshold > S).sum() <= row["high"]
    row = counts.loc[0.1]
    assert (row["high"] - row["low"]) / 2 < 0.06 * row["count"]
    assert counts.loc[0.01].isna()["count"]  # below the resolution


def test_losses(runs, results):
    """In both precisions; the paper's figures show the same (test_reading.py).  The least, 0.155, is met at epoch 8."""
    assert runs.loc["paper", "test_loss"] == pytest.approx(0.15790, abs=2e-5)
    assert runs.loc["paper_float32", "test_loss"] == pytest.approx(0.15790, abs=2e-5)
    with h5py.File(results / "runs/paper/train/train.h5") as file:
        losses = file["epochs/test_loss"][()]
    assert (losses.argmin(), losses.min()) == (8, pytest.approx(0.15546, abs=2e-5))


def test_directions(results):
    table = pd.read_csv(results / "runs/paper/spectrum/directions.csv")
    assert ((table["sigma"] > 2).sum(), (table["sigma"] < 0.5).sum()) == (445, 658)
    near = table[table["distance_from_one"] < 1e-2]["cosine_uv"]
    assert near.mean() == pytest.approx(0.9983, abs=1e-4)
    assert near.min() == pytest.approx(0.9897, abs=1e-3)
