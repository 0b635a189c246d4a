"""How a file beside params.yaml is run: with what it imports from its own folder, and with nothing of other folders."""

from pathlib import Path

import pytest

import own_files
from training_jacobian.artifacts import digest, imported
from training_jacobian.artifacts.sources import CodeError, Sources

HELPED = own_files.PLAIN.replace("jnp.tanh(", "squash(").replace(
    "import jax,", "from helper import squash\nimport jax,"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, net=HELPED)
    Path("helper.py").write_text("from deeper import inner\n\n\ndef squash(x):\n    return inner(x)\n")
    Path("deeper.py").write_text("def inner(x):\n    return x\n")
    return tmp_path


def test_an_edit_is_seen_in_one_session(folder):
    """Also within a second, and of an imported file: nothing compiled before is taken."""
    for factor in (2, 3, 4):
        Path("deeper.py").write_text(f"def inner(x):\n    return {factor} * x\n")
        module = imported.load(Sources(Path("net.py")), "net.py")
        assert module.squash.__globals__["inner"](1) == factor


def test_what_a_file_read_when_it_was_imported_is_read_again(folder):
    Path("some.py").write_text("FILES = 'text.txt'\nfrom pathlib import Path\nTEXT = Path('text.txt').read_text()\n")
    made = []
    for text in ("one", "two", "two"):
        Path("text.txt").write_text(text)
        made.append(imported.load(Sources(Path("some.py")), "some.py"))
    assert [module.TEXT for module in made] == ["one", "two", "two"]
    assert made[1] is made[2]


def test_two_folders_have_a_helper_each(folder):
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "helper.py").write_text(f"NAME = {name!r}\n")
        text = "import helper\ndef said():\n    from helper import NAME\n    return NAME, helper.NAME\n"
        Path(name, "net.py").write_text(text)
    made = [imported.load(Sources(Path(name, "net.py")), name) for name in ("one", "two")]
    assert [module.said() for module in made] == [("one", "one"), ("two", "two")]


def test_a_file_may_be_called_like_a_library(folder):
    Path("yaml.py").write_text("import yaml\nfrom yaml import safe_load\nMADE = yaml.safe_load('1') + safe_load('2')\n")
    assert imported.load(Sources(Path("yaml.py")), "yaml.py").MADE == 3


@pytest.mark.parametrize(
    "line",
    [
        "import parts.blocks",
        "import parts.blocks as blocks",
        "from parts import blocks",
        "from parts.blocks import K",
        "from . import parts\nfrom .parts import blocks",
        "def f():\n    import parts.blocks",
    ],
)
def test_every_way_of_importing_counts(folder, line):
    Path("parts").mkdir()
    Path("parts/blocks.py").write_text("from . import more\nK = more.K\n")
    Path("parts/more.py").write_text("K = 1\n")
    Path("some.py").write_text(f"{line}\n")
    imported.load(Sources(Path("some.py")), "some.py")
    before = digest.of_file(Path("some.py"))
    Path("parts/more.py").write_text("K = 2\n")
    assert digest.of_file(Path("some.py")) != before


def test_what_the_package_gives_counts(folder, monkeypatch):
    Path("some.py").write_text("from training_jacobian.learning.models import mlp\n")
    assert imported.load(Sources(Path("some.py")), "some.py").mlp.apply
    before = digest.of_file(Path("some.py"))
    edited = digest.Digests()
    edited._known["learning.models.mlp"] = "0" * 12
    monkeypatch.setattr(digest, "installed", lambda: edited)
    assert digest.of_file(Path("some.py")) != before


def test_what_is_imported_by_a_text_is_not_found(folder):
    """So nothing can be imported from the folder that does not count."""
    Path("some.py").write_text("import importlib\nimportlib.import_module('deeper')\n")
    with pytest.raises(CodeError, match=r"some\.py, line 2: ModuleNotFoundError: No module named 'deeper'"):
        imported.load(Sources(Path("some.py")), "some.py")
