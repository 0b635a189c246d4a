"""What is said of a workflow in progress, and how long it will take."""

from pathlib import Path

import pytest

from training_jacobian.workflow import told
from training_jacobian.workflow.tally import Tally


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def test_time_left():
    now = Clock()
    tally = Tally([("svd", "k1"), ("svd", "k2"), ("columns", "k1"), ("columns", "k1")], {("svd", "k1"): 30}, now)
    assert tally.remaining() is None
    tally.start(1, ("svd", "k1"))
    now.seconds = 60
    assert tally.finish(1) is None
    # twice as slow as estimated; the other three have no estimate, 3 s
    assert tally.remaining() == pytest.approx(2 * 9)
    tally.start(2, ("columns", "k1"))
    now.seconds = 63
    assert tally.remaining() == pytest.approx(2 * 9 - 3)
    assert tally.finish(2) is None
    tally.start(3, ("columns", "k1"))
    assert tally.finish(3) == "columns"


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (list("abc"), "a, b, c"), (list("abcd"), "a, b + 2 more"), ([], "")]
)
def test_names(names, text):
    assert told.listed(names) == text


def test_where_figures_and_report_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/figs/smoke"
    folder.mkdir(parents=True)
    for name in ("all", "bird.png", "bird.csv", "runs.csv"):
        (folder / name).touch()
    listing = Path("results/figs/smoke/all")
    assert told.found([Path("results/svd/all"), listing]) == ["figures: results/figs/smoke/ (1 figure, 2 tables)"]
    (folder / "report.html").touch()
    (folder.parents[1] / "report.html").touch()  # that of params.yaml lies above its figures
    assert told.found([listing])[1:] == ["report: results/figs/smoke/report.html"]
    assert told.found([Path("results/figs/all")])[1:] == ["report: results/report.html"]
