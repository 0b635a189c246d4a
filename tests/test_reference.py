"""The generated pages are those of the declarations and estimates, and have every key."""

import pytest

from conftest import ROOT
from training_jacobian.learning.components import KINDS, names
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.cost_page import page as costs
from training_jacobian.workflow.loading import load
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.reference import page


def test_the_page_is_up_to_date():
    """If not: `training-jacobian reference > docs/reference.md`."""
    assert (ROOT / "docs/reference.md").read_text() == page()


def test_everything_is_in_it():
    made = page()
    for name, analysis in ANALYSES.items():
        assert f"### {name}\n" in made
        settings = analysis.settings.model_fields if analysis.settings else {}
        assert all(f"`{field}`" in made for field in settings)
        assert all(f"`{word}`" in made for word in (*analysis.files, *analysis.kinds))
    for kind in KINDS:
        assert all(f"{{name: {name}}}" in made for name in names(kind))
    assert "`size` | number > 0, <= 100 | of the step in theta_T, Euclidean norm" in made


def test_costs_are_up_to_date(monkeypatch):
    """If not: `training-jacobian reference costs > docs/costs.md`."""
    monkeypatch.chdir(ROOT)
    assert (ROOT / "docs/costs.md").read_text() == costs(load())


@pytest.mark.parametrize("change", [2, 1])
def test_another_estimate_is_seen(monkeypatch, change):
    """The control of the test above: the page differs if and only if an estimate does."""
    monkeypatch.chdir(ROOT)
    theirs = Needs.matrix.func
    monkeypatch.setattr(Needs, "matrix", property(lambda needs: change * theirs(needs)))
    assert ((ROOT / "docs/costs.md").read_text() == costs(load())) == (change == 1)
