"""How long jobs take, against what they took; and limits for a cluster, which no speed of a machine changes."""

import json
import subprocess
import sys

import pytest

from conftest import ROOT
from sized import needs
from training_jacobian.jobs import speed
from training_jacobian.jobs.speed import Speed
from training_jacobian.workflow import loading, times
from training_jacobian.workflow.needs import Needs

PAPER = {"model": {"hidden": [64]}, "training": {"epochs": 25}}
WIDER = {"model": {"hidden": [256]}, "training": {"epochs": 25}}
# core seconds that jobs took, by their logs and benchmarks/needs.py, on a busy machine of that speed
HERE = Speed(float32=121e9, float64=57e9)
MEASURED = [
    (PAPER, {"train": 2.9, "columns": 35.0, "jacobian": 1.7, "svd": 35.8, "spectrum": 3.5, "identity": 24.0}),
    (PAPER, {"perturbation": 5.7, "behaviour": 24.2, "subspace": 77.4, "angles": 22.0}),
    ({**PAPER, "data": {"test_size": 773, "stratify": True}}, {"columns": 24.4, "pfj": 191.3}),
    (WIDER, {"columns": 250.7, "jacobian": 22.0, "svd": 2042.7, "spectrum": 72.1}),
]


def test_a_tangent_takes_what_its_formulas_say():
    """Of 64-64-10: six products for each kernel, but two for the first, into which go data (learning/layered.py)."""
    of = needs(**PAPER)
    assert of.tangent == 625 * 2 * 64 * (2 * 64 * 64 + 6 * 64 * 10)
    deep = needs(model={"hidden": [32, 16]}, training={"epochs": 25})
    assert deep.tangent == 625 * 2 * 64 * (2 * 64 * 32 + 6 * (32 * 16 + 16 * 10))


@pytest.mark.parametrize(("changes", "measured"), MEASURED)
def test_estimates_are_within_a_factor_of_two_of_what_jobs_took(changes, measured):
    of = needs(**changes)
    for job, seconds in measured.items():
        assert seconds / 2 <= times.seconds(of, job, 1, HERE) <= 2 * seconds, job


def test_estimates_of_lenet_are_within_a_factor_of_two():
    params = loading.load(ROOT / "studies/lenet_settings.yaml")
    # and no triplets: they are estimated as if all products were needed
    measured = {"as_published": {"train": 32.4, "agreement": 192.9}, "one_epoch": {"train": 22.8, "agreement": 82.7}}
    for run, jobs in measured.items():
        of = Needs(params, params.runs[run])
        for job, seconds in jobs.items():
            assert seconds / 2 <= times.seconds(of, job, 1, HERE) <= 2 * seconds, (run, job)


def test_time_follows_the_speed_of_the_machine_and_the_threads():
    of, slow, fast = needs(**PAPER), Speed(50e9, 25e9), Speed(100e9, 50e9)
    for job in ("columns", "svd", "subspace", "pfj", "identity"):
        fixed = times.seconds(of, job, 1, Speed(1e30, 1e30))
        one = times.seconds(of, job, 1, slow) - fixed
        assert one == pytest.approx(2 * (times.seconds(of, job, 1, fast) - fixed)), job
        assert one == pytest.approx(4**times.SCALING * (times.seconds(of, job, 4, slow) - fixed)), job
        assert 0 < fixed < 10
    single = needs(model={"hidden": [64]}, training={"epochs": 25, "dtype": "float32"})
    faster = lambda job: times.seconds(single, job, 1, slow) / times.seconds(of, job, 1, slow)
    assert faster("columns") == pytest.approx(0.5, abs=0.1)
    assert faster("svd") == pytest.approx(1, abs=0.1)  # it is in float64 whatever the run's


def test_threads_only_where_they_help():
    """Products with a small J take longer on several threads; linear algebra takes a quarter of the cores."""
    partial = {"method": "partial", "rank": 5, "operators": ["J"], "tolerance": 1e-6, "products": 50, "block": 8}
    small, dense = needs(model={"hidden": [256]}, svd=partial | {"seed": 0}), needs(**PAPER)
    params = loading.load(ROOT / "studies/lenet.yaml")
    large = Needs(params, params.runs["lenet_mnist"])
    for job in ("triplets", "density", "responses"):
        assert [times.threads(small, job, cores) for cores in (1, 8, None)] == [1, 1, 1], job
        assert [times.threads(large, job, cores) for cores in (1, 8, None)] == [1, 8, 4], job
    assert [times.threads(dense, "svd", cores) for cores in (1, 2, 8, None)] == [1, 1, 2, 4]
    assert times.threads(dense, "spectrum", 8) == 1


def test_limits_are_far_above_estimates_on_a_slow_core():
    of = needs(model={"hidden": [512]})
    for job in ("columns", "svd", "subspace"):
        assert 60 * times.limit(of, job) >= 1.5 * times.seconds(of, job, 1, Speed(16e9, 8e9)), job


def test_speed_of_this_machine():
    found = speed.calibrate()
    assert 1e9 < found.float64 < 1e12
    assert 0.9 * found.float64 < found.float32 < 1e12


def test_the_speed_is_that_of_a_core_among_busy_ones(monkeypatch):
    """As many processes as are asked for, up to a limit, and the mean of what they find."""
    started = []
    said = iter([[3e9, 1e9], [5e9, 2e9], *[[1e9, 1e9]] * speed.MANY])

    class Process:
        returncode = 0

        def __init__(self, command, **_):
            started.append(command)

        def communicate(self, timeout):
            return json.dumps(next(said)), None

        def kill(self):
            pass

    monkeypatch.setattr(subprocess, "Popen", Process)
    assert speed.calibrate(2) == (4e9, 1.5e9)
    assert len(started) == 2
    assert speed.calibrate(1000) == (1e9, 1e9)
    assert len(started) == 2 + speed.MANY


def test_a_speed_that_cannot_be_measured_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(subprocess.CalledProcessError):
        speed.calibrate()
