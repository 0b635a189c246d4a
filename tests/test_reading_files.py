"""Files that modules of data sets and models read: in the recipe by content where they are named, refused where not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from conftest import ROOT
from training_jacobian import reading
from training_jacobian.integrity import sha256
from training_jacobian.oserrors import ArtifactError

# modules that a user adds to datasets/ or models/, and the file that each reads
LOAD = "def load(): return"
WAYS = {
    "numpy": ("mine.npy", f"import numpy as np\n{LOAD} np.load('data/mine.npy').sum()"),
    "opened": ("mine.npy", f"{LOAD} len(open('data/mine.npy', 'rb').read())"),
    "pathlib": ("mine.npy", f"from pathlib import Path\n{LOAD} len(Path('data/mine.npy').read_bytes())"),
    "mapped": ("mine.npy", f"import numpy as np\n{LOAD} np.load('data/mine.npy', mmap_mode='r').sum()"),
    "fromfile": ("mine.npy", f"import numpy as np\n{LOAD} np.fromfile('data/mine.npy', np.uint8).size"),
    "descriptor": ("mine.npy", f"import os\n{LOAD} len(os.read(os.open('data/mine.npy', os.O_RDONLY), 99))"),
    "pandas": ("mine.csv", f"import pandas as pd\n{LOAD} len(pd.read_csv('data/mine.csv'))"),
    "hdf5": ("mine.h5", f"import h5py\n{LOAD} len(h5py.File('data/mine.h5')['a'])"),
    "imported": ("mine.npy", f"import numpy as np\nTABLE = np.load('data/mine.npy')\n{LOAD} TABLE.sum()"),
    "swallowed": ("mine.csv", f"import json\nfrom .helper import text\n{LOAD} json.dumps(text('data/mine.csv'))"),
}
# what a library brings, what was written by itself, what another data set's own digests check, what is no file
FINE = {
    "library": "def load():\n    from sklearn.datasets import load_iris\n    return len(load_iris().data)",
    "written": "import tempfile\ndef load():\n    with tempfile.TemporaryDirectory() as d:\n"
    "        open(d + '/x', 'w').write('x')\n        return open(d + '/x').read()",
    "downloaded": "from training_jacobian.datasets import Raw\nRAW = (Raw('raw.bin', 'sha256:0', ('http://x/raw.bin',)),)\n"
    f"{LOAD} len(open('data/raw/downloaded/raw.bin').read())",
    "random": f"{LOAD} len(open('/dev/urandom', 'rb').read(4))",
}
PROGRAM = """
import importlib, json, sys
from training_jacobian import reading
reading.watch()
told = {}
for name in json.loads(sys.argv[1]):
    try:
        told[name] = f"read {importlib.import_module('training_jacobian.' + name).load()}"
    except reading.UndeclaredError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each of these modules says in a job, in a project with a copy of the package."""
    root = tmp_path_factory.mktemp("project")
    package = root / "src/training_jacobian"
    shutil.copytree(ROOT / "src/training_jacobian", package, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data/raw/downloaded").mkdir(parents=True)
    (root / "data/raw/downloaded/raw.bin").write_text("content")
    np.save(root / "data/mine.npy", np.arange(4.0))
    (root / "data/mine.csv").write_text("a\n1\n2\n")
    with h5py.File(root / "data/mine.h5", "w") as file:
        file["a"] = np.arange(3.0)
    names = []
    for home in ("datasets", "models"):
        (package / home / "helper.py").write_text("def text(file): return open(file).read()\n")
        made = {**{name: text for name, (_, text) in WAYS.items()}, **(FINE if home == "datasets" else {})}
        made |= {f"{name}_named": f"FILES = ('data/{file}',)\n{text}" for name, (file, text) in WAYS.items()}
        for name, text in made.items():
            (package / home / f"{name}.py").write_text(text)
            names.append(f"{home}.{name}")
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM, json.dumps(sorted(names, key=lambda name: name.endswith("_named")))],
        cwd=root,
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("home", ["datasets", "models"])
@pytest.mark.parametrize("name", WAYS)
def test_a_file_that_is_not_named_is_refused(told, home, name):
    module = "helper" if name == "swallowed" else name
    file = f"data/{WAYS[name][0]}"
    assert told[f"{home}.{name}"] == (
        f"{home}/{module}.py reads {file}, which its FILES do not name: a change of that file would go unseen; "
        f"say FILES = ({file!r},) in {home}/{module}.py, and run the same command again"
    )
    assert told[f"{home}.{name}_named"].startswith("read ")  # negative control: the same module, with FILES


@pytest.mark.parametrize("name", FINE)
def test_what_needs_no_name(told, name):
    assert told[f"datasets.{name}"].startswith("read ")


def test_contents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType("training_jacobian.datasets.mine")
    assert reading.contents(module) == {}  # and so nothing in the recipe
    Path("a.npy").write_bytes(b"a")
    module.FILES = ("a.npy",)
    before = reading.contents(module)
    assert before == {"a.npy": sha256(Path("a.npy"))}
    Path("a.npy").write_bytes(b"b")
    assert reading.contents(module) != before
    module.FILES = "a.npy"  # a tuple was meant
    assert list(reading.contents(module)) == ["a.npy"]
    Path("a.npy").unlink()
    with pytest.raises(ArtifactError, match=r"mine: FILES names a\.npy, which cannot be read \(No such file"):
        reading.contents(module)


def test_files_changed_while_the_workflow_runs_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.npy").write_bytes(b"a")
    files = {"a.npy": sha256(Path("a.npy"))}
    reading.check(files)
    Path("a.npy").write_bytes(b"b")
    with pytest.raises(ArtifactError, match=r"a\.npy was changed after the workflow was started; run the same"):
        reading.check(files)
    Path("a.npy").unlink()
    with pytest.raises(ArtifactError, match=r"a\.npy: missing; run the same command again"):
        reading.check(files)
