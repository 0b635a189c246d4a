"""Addresses: what is in a recipe, what is not, and that no module is forgotten."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, TINY
from training_jacobian import recipe, vouched
from training_jacobian.learning.datasets import digits
from training_jacobian.workflow import loading
from training_jacobian.workflow.plan import Plan, plan

SOURCE = ROOT / "src/training_jacobian"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Function from a change of the tiny params to its plan."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/theta0_seed0.npy").write_bytes((ROOT / "data/theta0_seed0.npy").read_bytes())
    monkeypatch.chdir(tmp_path)

    def make(old="", new=""):
        assert old in TINY
        Path("params.yaml").write_text(TINY.replace(old, new) if old else TINY)
        return Plan(loading.load())

    return make


def keys(plan, run="a"):
    return {stage: recipe.key(made) for stage, made in plan.recipes[run].items()}


def changed(before, after):
    return [stage for stage in before if before[stage] != after[stage]]


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        ("split_seed: 0", "split_seed: 1", ["data", "train", "jacobian", "svd", "spectrum"]),
        ("learning_rate: 0.1", "learning_rate: 0.2", ["train", "jacobian", "svd", "spectrum"]),
        ("hidden: [2]", "hidden: [3]", ["train", "jacobian", "svd", "spectrum"]),
        ("bias_std: 0.125", "bias_std: 0.25", ["train", "jacobian", "svd", "spectrum"]),
        ("bulk_tolerance: 0.1", "bulk_tolerance: 0.2", ["spectrum"]),
        ("font_size: 8", "font_size: 9", []),
        ("columns_per_job: 96", "columns_per_job: 5", []),
        ("test_size: 197,", "test_size: 197, stratify: false,", []),  # an option that is off is in no recipe
        ("momentum: 0.9", "momentum: 0.9, nesterov: false", []),
        ("momentum: 0.9", "momentum: 0.9, nesterov: true", ["train", "jacobian", "svd", "spectrum"]),
    ],
)
def test_a_parameter_changes_what_reads_it(make, old, new, stages):
    assert changed(keys(make()), keys(make(old, new))) == stages


# of the runs `paper` and `paper_float32` of params.yaml: an address that changes costs every user the computation
ADDRESSES = {
    "paper": {
        "data": "1d0dec203dc4",
        "train": "c3bb498f8e47",
        "jacobian": "2c3733b919d2",
        "svd": "66ae63ea767f",
        "spectrum": "89edd6dfdbf9",
    },
    "paper_float32": {
        "data": "1d0dec203dc4",
        "train": "017e583c357c",
        "jacobian": "aae2f449de6b",
        "svd": "60d26475f94f",
        "spectrum": "a38f60185a39",
    },
}


def test_addresses_stay(monkeypatch):
    """A change that is meant to give other numbers changes them here too, and says so in CHANGELOG.md."""
    monkeypatch.chdir(ROOT)
    made = Plan(loading.load())
    for run, addresses in ADDRESSES.items():
        assert {stage: keys(made, run)[stage] for stage in addresses} == addresses


def test_what_is_vouched_for_is_what_is_there():
    """An entry of another source, or one that stands for itself, does nothing: it is to be removed."""
    for (module, now), before in vouched.SAME.items():
        assert recipe.source_digest(module) == now != before, f"vouched.py: {module} is {recipe.source_digest(module)}"
        assert recipe.code_digest(module) == before


def test_variants_change_data_and_what_follows(make):
    varied = make("b: {initial: {seed: 1}}", "b: {data: {labels: shuffled}}")
    assert changed(keys(varied, "a"), keys(varied, "b")) == list(recipe.CORE)
    assert "variants" in varied.recipes["b"]["data"]["code"]
    assert "variants" not in varied.recipes["a"]["data"]["code"]
    assert keys(varied, "a") == keys(make(), "a")


def test_angles_are_of_two_runs_in_their_order(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = loading.load("smoke.yaml")
    one, other = params.runs["smoke"], params.runs["varied"]
    made = recipe.comparison(params, one, other)
    assert recipe.key(made) != recipe.key(recipe.comparison(params, other, one))
    assert made["with"] == recipe.recipe(params, other, "svd")
    recipe.check_code(made)
    changed = {**made["with"], "code": {"svd": "0" * 12}}
    with pytest.raises(RuntimeError, match="svd was edited after"):
        recipe.check_code({**made, "with": changed})


def test_runs_share_what_is_equal(make):
    plan = make("  c: {training: {dtype: float32}}", "  c: {initial: {seed: 0}}")
    assert keys(plan, "a") == keys(plan, "c")
    assert recipe.key(plan.recipes["a"]["data"]) == recipe.key(plan.recipes["b"]["data"])
    assert keys(plan, "a")["train"] != keys(plan, "b")["train"]


def test_theta_file_counts_by_content(make):
    section = "initial: {name: file, path: data/theta0_seed0.npy}\n  training:"
    big = ("initial: {name: random, seed: 0, bias_std: 0.125}\n  training:", section)
    text = TINY.replace("hidden: [2]", "hidden: [64]").replace("b: {initial: {seed: 1}}", "b: {}").replace(*big)
    Path("params.yaml").write_text(text)
    before = keys(Plan(loading.load()))
    Path("data/other_name.npy").write_bytes(Path("data/theta0_seed0.npy").read_bytes())
    Path("params.yaml").write_text(text.replace("theta0_seed0.npy", "other_name.npy"))
    assert keys(Plan(loading.load())) == before
    content = bytearray(Path("data/other_name.npy").read_bytes())
    content[-1] ^= 1
    Path("data/other_name.npy").write_bytes(content)
    assert changed(before, keys(Plan(loading.load()))) == ["train", "jacobian", "svd", "spectrum"]


def test_files_of_a_data_set_are_those_of_the_project(make, tmp_path, monkeypatch):
    """A session may be anywhere, and have another file of that name there."""
    make()
    monkeypatch.setattr(digits, "FILES", ("mine.bin",), raising=False)
    Path("mine.bin").write_bytes(b"mine")
    before = keys(plan())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.bin").write_bytes(b"another's")
    monkeypatch.chdir(elsewhere)
    assert keys(plan(tmp_path / "params.yaml", tmp_path)) == before
    (tmp_path / "mine.bin").write_bytes(b"changed")
    assert changed(before, keys(plan(tmp_path / "params.yaml", tmp_path))) == list(before)


CODE = '''
"""Docstring."""
def f(x: int) -> int:
    """Docstring."""
    return x + 1  # comment
'''
SAME = '''
def f(
    x: int,
) -> int:
    # another comment
    """Another docstring."""
    "and a stray string"
    return (x + 1)
'''


def digest_of(tmp_path, monkeypatch, text):
    (tmp_path / "some.py").write_text(text)
    monkeypatch.setattr(recipe, "__file__", str(tmp_path / "recipe.py"))
    recipe.code_digest.cache_clear()
    digest = recipe.code_digest("some")
    recipe.code_digest.cache_clear()
    return digest


def test_comments_docstrings_and_layout_do_not_count(tmp_path, monkeypatch):
    assert digest_of(tmp_path, monkeypatch, CODE) == digest_of(tmp_path, monkeypatch, SAME)


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ("x + 1", "x - 1"), ("def f", "def g"), ("+ 1", "+ True")]
)
def test_code_counts(tmp_path, monkeypatch, old, new):
    assert digest_of(tmp_path, monkeypatch, CODE) != digest_of(tmp_path, monkeypatch, CODE.replace(old, new))


def test_digests_do_not_depend_on_the_python_version(tmp_path):
    """Syntax trees differ between versions; addresses must not.  Tries every other interpreter that is at hand."""
    program = (
        "import sys, types; m = types.ModuleType('p'); src = open(sys.argv[1]).read().replace('from training_jacobian','#')\n"
        "start = src.index('def canonical'); stop = src.index('@cache')\n"
        "import ast, hashlib, json; from typing import Any; Recipe = Any\n"
        "exec(src[start:stop])\n"
        "for name in sys.argv[2:]:\n"
        "    print(hashlib.sha256(canonical(_shape_of(ast.parse(open(name).read()))).encode()).hexdigest())"
    )
    others = sorted(map(str, Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python3")))
    if not others:
        pytest.skip("no other Python interpreter found under ~/.pyenv")
    sample = tmp_path / "sample.py"
    sample.write_text("def f(x, w): return f'{x:{w}} {x!r}'\n")
    files = [sample, *(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")]
    digests = set()
    for python in [sys.executable, *others]:
        command = [python, "-c", program, str(SOURCE / "recipe.py"), *map(str, files)]
        digests.add(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1
    assert len(digests.pop().splitlines()) == len(files)


# modules that compute no number: reading, writing, telling, finding
INFRASTRUCTURE = {
    "compiled",
    "vouched",
    "divergence",
    "integrity",
    "oserrors",
    "precision",
    "reading",
    "surroundings",
    "troubles",
    "params",
    "section",
    "analyses",
    "kinds",
    "loading",
    "recipe",
    "store",
    "progress",
    "plan",
    "publish",
    "threads",
    "clock",
    "raw",
    "cli",
}
PACKAGES = {"datasets", "models", "plots"}  # their __init__ only finds modules


def imports(module):
    tree = ast.parse((SOURCE / (module.replace(".", "/") + ".py")).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("training_jacobian"):
            inner = node.module.removeprefix("training_jacobian").lstrip(".")
            found |= {inner} if inner else {alias.name for alias in node.names}
    return found - {"__version__"}


def test_recipes_name_all_code_that_computes(monkeypatch):
    """A module that a stage imports but whose digest is in no recipe would be edited without anything recomputed."""
    monkeypatch.chdir(ROOT)
    everything = set()
    plans = [Plan(loading.load(file)) for file in ("params.yaml", "smoke.yaml")]
    for made in (each for of in plans for by_key in of.by_key.values() for each in by_key.values()):
        code = {module for each in recipe.ancestors(made).values() for module in each["code"]}
        for module in code:
            missing = imports(module) - code - INFRASTRUCTURE - PACKAGES
            assert not missing, f"{module} imports {missing}, which {made['stage']} does not name"
        everything |= code
    assert {f"stages.{path.stem}" for path in SOURCE.glob("stages/*.py")} - {"stages.__init__"} <= everything


def test_code_edited_while_running_is_noticed(make):
    made = make().recipes["a"]["svd"]
    recipe.check_code(made)
    with pytest.raises(RuntimeError, match="svd was edited after the workflow was started"):
        recipe.check_code({**made, "code": {"svd": "0" * 12}})
    before = {**made["from"], "code": {"jacobian": "0" * 12}}  # code of an earlier stage runs in later ones too
    with pytest.raises(RuntimeError, match="jacobian was edited after"):
        recipe.check_code({**made, "from": before})
