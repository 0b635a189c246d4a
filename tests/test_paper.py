"""The real run: the paper's network on the digits, from nothing through the workflow.  Minutes; `make test-paper`."""

import h5py
import pandas as pd
import pytest
import yaml

from conftest import ROOT, Project

RUNS = ("paper", "paper_float32")
SECTIONS = ("defaults", "spectrum", "compute")

pytestmark = pytest.mark.paper


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The two main runs of params.yaml, without the experiments (tests/test_experiments.py)."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    bird = {**params["figures"], "plots": {"bird": {"kind": "bird", "runs": list(RUNS)}}}
    main = {name: params[name] for name in SECTIONS}
    main |= {"runs": {run: params["runs"][run] for run in RUNS}, "figures": bird}
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


def test_losses(runs, results):
    """Measured here, in both precisions.  A reported 0.155 is met on the way, at epoch 8, and not at the end."""
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
