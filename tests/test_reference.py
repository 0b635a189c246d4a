"""The reference page is that of the declarations, and has every key."""

from conftest import ROOT
from training_jacobian.learning.components import KINDS, names
from training_jacobian.workflow.catalog import ANALYSES
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
