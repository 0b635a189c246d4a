"""What an edit of a file beside params.yaml changes: exactly what depends on it, by the addresses of all stages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import own_files
from training_jacobian.artifacts import digest
from training_jacobian.artifacts.address import key
from training_jacobian.run import Run
from training_jacobian.stages import STAGES
from training_jacobian.workflow import plan
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.loading import ParamsError

# what is computed of every run
ALL = [*STAGES, *(name for name, each in ANALYSES.items() if each.always and each.method != "partial")]
HELPED = own_files.PLAIN.replace("jnp.tanh(", "squash(").replace(
    "import jax,", "from helper import squash\nimport jax,"
)
HELPER = "import jax.numpy as jnp\nfrom deeper import inner\n\n\ndef squash(x):\n    return jnp.tanh(inner(x))\n"
DEEPER = "def inner(x):\n    return x\n"
SECTIONS = {
    "loss": {"name": "file", "path": "margin.py"},
    "optimizer": {"name": "file", "path": "mine.py", "learning_rate": 0.1},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, net=HELPED)
    Path("helper.py").write_text(HELPER)
    Path("deeper.py").write_text(DEEPER)
    return tmp_path


def keys(**sections):
    made = own_files.load(**{**SECTIONS, **sections}).recipes["mine"]
    return {stage: key(recipe) for stage, recipe in made.items()}


def changed(before, after):
    return [stage for stage in ALL if before[stage] != after[stage]]


def edit(file, old, new):
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("net.py", '+ params["b"][1]', '- params["b"][1]', ALL[1:]),
        ("net.py", "width: int = 3", "width: int = 4", ALL[1:]),
        ("helper.py", "jnp.tanh(", "jnp.sin(", ALL[1:]),
        ("deeper.py", "return x", "return 2 * x", ALL[1:]),
        ("margin.py", "-jnp", "-2 * jnp", ALL[1:]),
        ("mine.py", "= 0.5", "= 0.6", ALL[1:]),
        ("mine.py", "KEEPS_UNTOUCHED = True", "KEEPS_UNTOUCHED = False", ALL[1:]),
        # what computes nothing
        ("net.py", "def apply", "# a comment\ndef apply", []),
        ("net.py", "def init", '"""A docstring."""\ndef init', []),
        ("helper.py", "def squash(x):\n", 'def squash(x):\n    """A docstring."""\n', []),
        ("helper.py", "\n\n\n", "\n\n# a comment\n\n\n", []),
        ("linen.py", "nn.tanh", "nn.gelu", []),  # of another network
    ],
)
def test_an_edit_of_code(folder, file, old, new, stages):
    before = keys()
    edit(file, old, new)
    assert changed(before, keys()) == stages
    edit(file, new, old)
    assert keys() == before


def test_an_edit_of_data(folder):
    before = keys()
    own_files.write(folder, own_files.examples(seed=1), net=HELPED)
    assert changed(before, keys()) == ALL
    own_files.write(folder, net=HELPED)
    os.utime("my.npz", (0, 0))
    assert keys() == before


def test_a_key_counts(folder):
    assert changed(keys(), keys(model={"name": "file", "path": "net.py", "width": 4})) == ALL[1:]


def test_where_a_file_lies_does_not_count(folder):
    before = keys()
    shutil.copytree(folder, "elsewhere", ignore=shutil.ignore_patterns("elsewhere"))
    Path("elsewhere/net.py").rename("elsewhere/other.py")
    model = {"name": "file", "path": "elsewhere/other.py"}
    assert keys(model=model, data={"name": "file", "path": "elsewhere/my.npz"}) == before
    made = own_files.load(model=model)
    assert made.recipes["mine"]["train"]["paths"]["model"] == {"path": "elsewhere/other.py"}  # its jobs find it


def test_from_another_folder_it_is_the_same(folder, monkeypatch):
    """As for a Python session: the files are those of the project."""
    before, elsewhere = keys(), folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "net.py").write_text("another's")
    monkeypatch.chdir(elsewhere)
    made = plan.plan(folder / "params.yaml", folder)
    assert {stage: key(recipe) for stage, recipe in made.recipes["mine"].items()} == before
    assert Run(made.recipes["mine"]["train"], folder).parameters["model"]["path"] == str(folder / "net.py")


def test_bias_std_does_not_count(folder):
    """It has no use: `init` of a file draws all of theta_0."""
    assert keys(initial={"name": "random", "seed": 0, "bias_std": 0.5}) == keys()
    assert changed(keys(), keys(initial={"name": "random", "seed": 1})) == ALL[1:]


def test_an_edit_while_the_workflow_runs_is_told(folder):
    recipe = own_files.load(**SECTIONS).recipes["mine"]["svd"]
    digest.check_code(recipe)
    for file, old, new in (("deeper.py", "return x", "return 3 * x"), ("mine.py", "0.5", "0.7")):
        edit(file, old, new)
        named = "mine.py" if file == "mine.py" else "net.py"
        told = rf"^{named}, or what it imports, was edited after the workflow was started; run the same"
        with pytest.raises(RuntimeError, match=told):
            digest.check_code(recipe)
        edit(file, new, old)
    digest.check_code(recipe)


def test_files_that_code_reads_when_it_is_imported(folder):
    """They are told before any job."""
    Path("text.txt").write_text("one")
    reads = "from pathlib import Path\nTEXT = Path('text.txt').read_text()\n"
    edit("net.py", "from helper", f"FILES = ('text.txt',)\n{reads}from helper")
    keys()
    edit("net.py", "FILES = ('text.txt',)\n", "")
    with pytest.raises(
        ParamsError, match=r"net\.py, line 3: UndeclaredError: net\.py reads text\.txt, which its FILES do not"
    ):
        keys()


JOB = """
from pathlib import Path
from training_jacobian.artifacts import imported, reading
from training_jacobian.artifacts.sources import Sources
reading.watch({})
module = imported.load(Sources(Path("some.py")), "some.py")
try:
    print("read", module.f())
except reading.UndeclaredError as error:
    print(error)
"""


def test_files_that_code_reads(folder):
    """Those in its FILES are in the recipe; others are refused in a job, also where an imported file reads them."""
    Path("text.txt").write_text("one")
    edit("net.py", "from helper", 'FILES = ("text.txt",)\nfrom helper')
    before = keys()
    Path("text.txt").write_text("two")
    assert changed(before, keys()) == ALL[1:]
    assert list(own_files.load(**SECTIONS).recipes["mine"]["train"]["files"]) == ["text.txt"]
    edit("mine.py", "import optax", "FILES = ('deeper.py', 'text.txt')\nimport optax")  # of an optimizer, too
    assert list(own_files.load(**SECTIONS).recipes["mine"]["train"]["files"]) == ["text.txt", "deeper.py"]
    Path("reader.py").write_text("def read():\n    return open('text.txt').read()\n")
    for files in ("", "FILES = 'text.txt'\n"):
        Path("some.py").write_text(f"import reader\n{files}def f():\n    return reader.read()\n")
        done = subprocess.run([sys.executable, "-c", JOB], capture_output=True, text=True, check=True)
        assert done.stdout == (
            "read two\n"
            if files
            else "reader.py reads text.txt, which the FILES of some.py do not name: a change of that file would go "
            "unseen; say FILES = ('text.txt',) in some.py, and run the same command again\n"
        )
