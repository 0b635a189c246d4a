"""Digests from the import graph: an edit changes exactly what computes with it, in every params file alike."""

import ast
import shutil
import subprocess
import sys
from contextlib import chdir
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT
from training_jacobian.artifacts import address, digest
from training_jacobian.artifacts.digest import Digests
from training_jacobian.workflow.plan import Plan, plan

SOURCE = ROOT / "src/training_jacobian"
FILES = ("params.yaml", "studies/smoke.yaml", "studies/lenet.yaml")

CODE = '''
"""Docstring."""
from training_jacobian.section import Section
from training_jacobian.other import g

class Options(Section):
    """Docstring."""
    size: float = Field(gt=0, description="a help text")

def f(x: int) -> int:
    """Docstring."""
    return g(x) + 1  # comment
'''
SAME = '''
from training_jacobian.elsewhere.other import g
from training_jacobian.section import Section

class Options(Section):
    size: float = Field(gt=0, description="another help text")

def f(
    x: int,
) -> int:
    # another comment
    """Another docstring."""
    "and a stray string"
    return (g(x) + 1)
'''


def digest_of(folder: Path, text: str, other: str = "def g(x): return x\n") -> str:
    (folder / "elsewhere").mkdir(exist_ok=True)
    for file in ("other.py", "elsewhere/other.py"):
        (folder / file).write_text(other)
    (folder / "some.py").write_text(text)
    return Digests(folder).of("some")


def test_comments_docstrings_help_texts_and_places_do_not_count(tmp_path):
    assert sorted(SAME.splitlines()[1:3]) != sorted(CODE.splitlines()[2:4])
    reordered = SAME.replace(SAME.splitlines()[1] + "\n", "").replace(
        "import Section\n", "import Section\n" + SAME.splitlines()[1] + "\n"
    )
    assert digest_of(tmp_path, CODE) == digest_of(tmp_path, reordered)


@pytest.mark.parametrize(
    ("old", "new"),
    [("+ 1", "+ 2"), ("+ 1", "- 1"), ("def f", "def h"), ("+ 1", "+ True"), ("import g", "import h as g")],
)
def test_code_counts(tmp_path, old, new):
    assert old in CODE
    assert digest_of(tmp_path, CODE) != digest_of(tmp_path, CODE.replace(old, new))


def test_what_is_imported_counts(tmp_path):
    assert digest_of(tmp_path, CODE) != digest_of(tmp_path, CODE, "def g(x): return 2 * x\n")
    assert digest_of(tmp_path, CODE) == digest_of(tmp_path, CODE, "# comment\ndef g(x): return x\n")
    hidden = CODE.replace("from training_jacobian.other import g\n", "").replace(
        "return g", "import training_jacobian.other as o; return o.g"
    )
    assert digest_of(tmp_path, hidden) != digest_of(tmp_path, hidden, "def g(x): return 2 * x\n")


def test_a_circle_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"imports lead in a circle: some -> elsewhere.other -> some"):
        digest_of(tmp_path, SAME, "from training_jacobian import some\n")
    with pytest.raises(RuntimeError, match="training_jacobian has no module gone"):
        Digests(tmp_path).of("gone")


@cache
def importers() -> dict[str, set[str]]:
    """Modules that a module imports, directly or not, and itself."""
    base, found = Digests(), {}

    def below(module: str) -> set[str]:
        if module not in found:
            found[module] = {module}.union(*(below(each) for each in base.imports(module)))
        return found[module]

    for path in SOURCE.rglob("*.py"):
        below(".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"))
    return found


class Edited(Digests):
    """Of the package as it would be after an edit of one module."""

    def __init__(self, module: str, old: str, new: str) -> None:
        super().__init__()
        self.module, self.old, self.new = module, old, new
        known = digest.installed()._known
        self._known = {name: known[name] for name in known if module not in importers().get(name, ())}

    def source(self, module: str) -> str:
        text = super().source(module)
        if module != self.module:
            return text
        assert self.old in text, f"{self.old!r} is not in {module}"
        return text.replace(self.old, self.new)


@cache
def planned(file: str):
    """The plan of a params file of the repository."""
    with chdir(ROOT):
        return plan(file)


def changed(monkeypatch, file: str, edited: Digests) -> set[str]:
    """Stages and kinds of figures of a params file whose code an edit changes."""
    before, found = planned(file), set()
    with monkeypatch.context() as patched, chdir(ROOT):
        patched.setattr(digest, "installed", lambda: edited)
        after = Plan(before.params)
    for stage, recipes in before.by_key.items():
        for one, other in zip(recipes.values(), after.by_key[stage].values(), strict=True):
            if one["code"] != other["code"]:
                found.add(
                    stage
                    if stage != "figures"
                    else f"figure {one['parameters'].get('kind', one['parameters']['name'])}"
                )
    return found


DENSE = {"spectrum", "perturbation", "behaviour", "subspace", "pfj", "angles", "identity"}
HESSIAN = {"hessian", "projected", "joint", "null_models"}
PARTIAL = {"triplets", "density", "responses"}
# an edit: module, old and new text; whose own code it is, of all that params.yaml, smoke and LeNet compute
EDITS = {
    "optimizer's step": ("learning.training", "return State(optax.apply", "return State(2 * optax.apply", {"train", "jacobian", "agreement"} | DENSE | HESSIAN | PARTIAL),
    "model": ("learning.models.mlp", "inputs = activation(inputs)", "inputs = 2 * activation(inputs)", {"train"}),
    "model, closed form": ("learning.models.mlp", "scipy.linalg.orth(made)", "scipy.linalg.orth(2 * made)", {"train"}),
    "another model": ("learning.models.lenet5", "SIDE, WINDOW, PADDING = 28, 5, 2", "SIDE, WINDOW, PADDING = 28, 5, 3", {"train"}),
    "layers of both": ("learning.layered", "slope(below) * e", "2 * slope(below) * e", {"train"}),
    "loss": ("learning.losses.cross_entropy", "return math.log(classes)", "return 2 * math.log(classes)", {"train"}),
    "loss of one run": ("learning.losses.mse", "return 1 / classes", "return 2 / classes", {"train"}),
    "optimizer that no run has": ("learning.optimizers.adam", "optax.adam(", "optax.adamw(", set()),
    "data set": ("learning.datasets.digits", "inputs / 16.0", "inputs / 17.0", {"data"}),
    "data set's format": ("learning.datasets._idx", "content[3]", "content[2]", {"data"}),
    "variants": ("learning.variants", "default_rng([variant_seed, 0])", "default_rng([variant_seed, 2])", {"data"}),
    "schedule": ("learning.schedules.cosine", "decay_steps=steps", "decay_steps=2 * steps", {"train"}),
    "product with J": ("jacobian.tangents", "jnp.add", "jnp.subtract", {"jacobian", "agreement"} | DENSE | HESSIAN | PARTIAL),
    "columns": ("stages.columns", "J.pieces(first, last)", "J.pieces(last, first)", {"jacobian"}),
    "decomposition": ("spectral.svd", "np.sign(largest)", "np.sign(-largest)", {"svd", "identity"}),
    "triplets": ("spectral.partial_svd", "bound <= tolerance", "bound < tolerance", {"triplets"}),
    "counts": ("spectral.quadrature", "OUTSIDE = 5e-4", "OUTSIDE = 5e-5", {"density"}),
    "subspaces": ("spectral.subspaces", "return 1 / size", "return 1.0 / size", {"subspace", "pfj", "angles", "projected", "joint", "null_models"}),
    "exact bulk": ("learning.exact_bulk", "EXACT = 1e-10", "EXACT = 1e-11", {"spectrum", "behaviour", "pfj", "angles", "joint", "null_models"}),
    "loss on a whole set": ("learning.whole", "PIECE = 1000", "PIECE = 999", HESSIAN),
    "eigenvalues": ("spectral.eigen", "POWERS = 3", "POWERS = 4", {"hessian", "projected", "joint"}),
    "sums of Hessians": ("jacobian.summed", "SEGMENT = 256", "SEGMENT = 255", {"joint", "null_models"}),
    "single states": ("jacobian.states", "MANY = 256", "MANY = 255", {"hessian", "projected", "joint"}),
    "one analysis": ("analyses.perturbation.compute", "response.starts(theta", "response.starts(2 * theta", {"perturbation"}),
    "what two analyses share": ("jacobian.response", "s * each", "2 * s * each", {"perturbation", "responses"}),
    "figures of one analysis": ("analyses.spectrum.figures", 'label=name', 'label=str(name)', {"figure spectrum", "figure uv_cosine", "figure bird"}),
    "declaration": ("analyses.spectrum", "bulk: |sigma - 1| <= this", "another help text", set()),
    "memory": ("analyses.pfj", "19 * needs.matrix // 2", "20 * needs.matrix // 2", set()),
    "reading": ("artifacts.store", "MARGIN = 2**16", "MARGIN = 2**17", set()),
    "threads": ("jobs.threads", "sorted(allowed)[:threads]", "sorted(allowed)[-threads:]", set()),
    "comment": ("learning.training", "return State(optax.apply", "# a comment\n        return State(optax.apply", set()),
    "docstring": ("learning.training", '"""One optimizer step', '"""A step', set()),
    "report": ("report.explorer", "LEVELS = 31", "LEVELS = 15", {"figure report"}),
    "statements": ("figures.papers.belrose_scherlis.quantities", "BINS = 20", "BINS = 21", {"figure summary"}),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_changes_what_computes_with_it(monkeypatch, what):
    module, old, new, stages = EDITS[what]
    found = {file: changed(monkeypatch, file, Edited(module, old, new)) for file in FILES}
    assert set.union(*found.values()) == stages
    for file, some in found.items():  # the same in each file: of those that it has
        there = set(planned(file).by_key)
        chosen = what in (
            "model",
            "model, closed form",
            "another model",
            "data set",
            "data set's format",
            "variants",
            "loss of one run",
        )
        assert chosen or {each for each in stages if each in there} == {each for each in some if " " not in each}


def test_lenet_counts_what_it_computes_with(monkeypatch):
    """Its fixed maps between layers are of layered.py, which is not its own module."""
    edited = Edited("learning.layered", "layer: Any = None", "layer: Any = 0")
    assert changed(monkeypatch, "studies/lenet.yaml", edited) == {"train"}
    other = Edited("learning.models.mlp", "inputs = activation(inputs)", "inputs = 2 * activation(inputs)")
    assert changed(monkeypatch, "studies/lenet.yaml", other) == set()


def test_moving_a_module_changes_nothing(tmp_path):
    """The whole package copied, with one module in another place: every other digest stays."""
    moved = tmp_path / "moved"
    shutil.copytree(SOURCE, moved, ignore=shutil.ignore_patterns("__pycache__"))
    (moved / "spectral/subspaces.py").rename(moved / "learning/subspaces.py")
    for path in moved.rglob("*.py"):
        text = path.read_text()
        path.write_text(
            text.replace("training_jacobian.spectral import subspaces", "training_jacobian.learning import subspaces")
        )
    before, after = Digests(), Digests(moved)
    for module in ("analyses.angles.compute", "analyses.subspace.compute", "analyses.pfj.compute", "stages.train"):
        assert before.of(module) == after.of(module)
    assert before.of("spectral.subspaces") == after.of("learning.subspaces")


def test_recipes_are_of_modules_that_are_there():
    named = {
        module
        for file in FILES
        for each in planned(file).by_key.values()
        for made in each.values()
        for module in made["code"]
    }
    assert all(Digests().file(module) for module in named)
    computes = {f"analyses.{path.parent.name}.compute" for path in SOURCE.glob("analyses/*/compute.py")}
    assert computes <= named
    assert {f"stages.{path.stem}" for path in SOURCE.glob("stages/*.py")} - {
        "stages.__init__",
        "stages.scatter",
    } <= named


def test_imports_are_absolute_so_that_they_are_seen():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
            assert not (isinstance(node, ast.alias) and node.name == "*"), path


def test_digests_do_not_depend_on_the_python_version(tmp_path):
    """Syntax trees differ between versions; addresses must not.  Tries every other interpreter that is at hand."""
    program = (
        "import sys; text = open(sys.argv[1]).read(); start = text.index('def shape_of')\n"
        "import ast, hashlib, json; from functools import cache; from typing import Any\n"
        "exec(text[start:])\n"
        "for name in sys.argv[2:]:\n"
        "    print(hashlib.sha256(shape_of(ast.parse(open(name).read())).encode()).hexdigest())"
    )
    others = sorted(map(str, Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python3")))
    if not others:
        pytest.skip("no other Python interpreter found under ~/.pyenv")
    sample = tmp_path / "sample.py"
    sample.write_text("def f(x, w): return f'{x:{w}} {x!r}'\n")
    files = [sample, *(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")]
    digests = set()
    for python in [sys.executable, *others]:
        command = [python, "-c", program, str(SOURCE / "artifacts/syntax.py"), *map(str, files)]
        digests.add(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1
    assert len(digests.pop().splitlines()) == len(files)


def test_addresses_are_where_recipes_say():
    made = {"stage": "spectrum", "parameters": {}, "code": {}}
    assert address.path(made, "a.csv") == f"results/analyses/spectrum/{address.key(made)}/a.csv"
    assert address.path({**made, "stage": "svd"}).startswith("results/svd/")
