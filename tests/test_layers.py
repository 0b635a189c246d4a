"""The floors of the house: a module imports from its own floor and from those below, in no circle."""

import pytest

from conftest import ROOT
from training_jacobian.artifacts.digest import Digests

SOURCE = ROOT / "src/training_jacobian"
FLOORS = (
    {"section", "progress", "streams"},
    {"artifacts", "jobs", "declaration"},
    {"spectral"},
    {"learning"},
    {"jacobian"},
    {"run", "own", "figures", "report"},
    {"analyses", "stages"},
    {"workflow"},
    {"job", "commands", "session", "drawing", "cli", "__main__", "__init__"},
)


def floor(module: str) -> int:
    (found,) = [number for number, floor in enumerate(FLOORS) if module.split(".")[0] in floor]
    return found


def modules() -> list[str]:
    paths = [path.relative_to(SOURCE).with_suffix("") for path in SOURCE.rglob("*.py")]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def upward(digests: Digests, named: list[str]) -> list[str]:
    """Imports that lead up; and of one analysis from another."""
    found = []
    for module in named:
        for imported in digests.imports(module):
            own = [each.split(".")[1:2] for each in (module, imported) if each.startswith("analyses.")]
            if floor(imported) > floor(module) or (len(own) == 2 and own[0] != own[1]):
                found.append(f"{module} -> {imported}")
    return found


def test_imports_lead_downward_and_in_no_circle():
    digests = Digests()
    assert upward(digests, modules()) == []
    for module in modules():
        digests.of(module)  # raises where imports lead in a circle


class With(Digests):
    """The package with one import more."""

    def __init__(self, module: str, line: str) -> None:
        super().__init__()
        self.module, self.line = module, line

    def source(self, module: str) -> str:
        return super().source(module) + (f"\n{self.line}\n" if module == self.module else "")


@pytest.mark.parametrize(
    ("module", "line", "arrow"),
    [
        ("artifacts.store", "from training_jacobian.workflow.params import Params", "artifacts.store -> workflow.params"),
        ("learning.training", "import training_jacobian.jacobian.operator", "learning.training -> jacobian.operator"),
        ("analyses.pfj.compute", "from training_jacobian.analyses.angles import compute", "analyses.pfj.compute -> analyses.angles.compute"),
        ("analyses.pfj.compute", "def f():\n    from training_jacobian import cli", "analyses.pfj.compute -> cli"),
    ],
)  # fmt: skip
def test_an_import_upward_is_seen(module, line, arrow):
    assert upward(With(module, line), [module]) == [arrow]


def test_a_circle_is_seen():
    with pytest.raises(RuntimeError, match=r"circle: learning\.gradient -> learning\.training -> learning\.gradient"):
        With("learning.gradient", "from training_jacobian.learning import training").of("learning.gradient")


def test_numerics_import_neither_matplotlib_nor_the_workflow():
    for module in modules():
        text = Digests().source(module)
        drawing = "figures" in module.split(".")
        assert drawing or "matplotlib" not in text.replace('"matplotlib"', "") or module.startswith("jobs."), module
