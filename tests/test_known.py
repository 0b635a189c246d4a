"""Who knows of an analysis: its own folder, the analyses that declare it, and at most one place more."""

import ast

import pytest

from conftest import ROOT
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES

SOURCE = ROOT / "src/training_jacobian"
PAPERS = "figures/papers"  # a paper's statements name what they are made of: one place


def names(text: str, name: str) -> bool:
    """Whether code has the name of an analysis as a text of its own, imports its folder, or asks for it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and node.value == name:
            return True
        if isinstance(node, ast.ImportFrom) and f".analyses.{name}" in f".{node.module}.":
            return True
        if isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value).endswith("analyses"):
            return True
    return False


def declared(name: str) -> set[str]:
    """Folders of the analyses that come after it, read it, or read its section: they say so."""
    others = {other for other, each in ANALYSES.items() if name in (*each.inputs, each.after, *(each.columns or ()))}
    others |= {other for other in ANALYSES if name in catalog.reads(other)}
    return {f"analyses/{other}" for other in (others | {name})}


def places(name: str, more: dict[str, str] | None = None) -> set[str]:
    """Other files that name it; those of the papers' statements count as one."""
    texts = {str(path.relative_to(SOURCE)): path.read_text() for path in SOURCE.rglob("*.py")}
    found = {path for path, text in (texts | (more or {})).items() if names(text, name)}
    found = {path for path in found if not any(path.startswith(f"{folder}/") for folder in declared(name))}
    return {PAPERS if path.startswith(f"{PAPERS}/") else path for path in found}


@pytest.mark.parametrize("name", ANALYSES)
def test_at_most_one_place_names_it(name):
    assert places(name) <= {PAPERS}


def test_engines_name_none_but_in_profiles_and_plots():
    """What Snakemake and DVC are told comes from the declarations; a profile may group jobs, DVC draws two tables."""
    files = [ROOT / "Snakefile", ROOT / "workflow/Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    assert len(files) > 3
    for file in files:
        words = set(file.read_text().replace('"', " ").replace("'", " ").split())
        assert not words & set(ANALYSES), file


@pytest.mark.parametrize(
    "text",
    [
        'LIST = ["spectrum", "behaviour"]',
        "from training_jacobian.analyses.behaviour.compute import compute",
        "from training_jacobian import analyses\nanalyses.behaviour",
    ],
)
def test_another_place_is_found(text):
    """The control."""
    assert places("behaviour", {"workflow/more.py": text}) == {PAPERS, "workflow/more.py"}
