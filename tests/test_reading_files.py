"""Files that modules of data sets and models read: in the recipe by content where they are named, refused where not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from conftest import ROOT
from training_jacobian.artifacts import integrity, reading
from training_jacobian.artifacts.integrity import sha256
from training_jacobian.artifacts.oserrors import ArtifactError

HOMES = sorted(reading.HOMES.values())  # datasets, losses, models, orders
# modules that a user adds to one of these, and the file in data/ that each reads
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
    "swallowed": ("mine.csv", f"import json\nfrom ._helper import text\n{LOAD} json.dumps(text('data/mine.csv'))"),
    "jax": ("mine.npy", f"import jax.numpy as jnp\n{LOAD} jnp.load('data/mine.npy').sum()"),
    "threads": (
        "mine.npy",
        "import numpy as np\nfrom concurrent.futures import ThreadPoolExecutor as Pool\ndef load():\n"
        "    with Pool() as pool: return len(list(pool.map(np.load, ['data/mine.npy'])))",
    ),
    "process": ("mine.npy", f"{LOAD} len(open('/proc/self/cwd/data/mine.npy', 'rb').read())"),
}
# files in places that look like a system's or a library's
SHARED = Path("/dev", "shm", f"training-jacobian-{os.getpid()}")
PLACES = {
    "memory": str(SHARED),
    "sources": "src/table.bin",
    "package": "src/training_jacobian/table.bin",
    "path": "modules/table.bin",
}
# what a library brings, what was written by itself, what another data set's own digests check, what is no file
FINE = {
    "library": "def load():\n    from sklearn.datasets import load_iris\n    return len(load_iris().data)",
    "written": "import tempfile\ndef load():\n    with tempfile.TemporaryDirectory() as d:\n"
    "        open(d + '/x', 'w').write('x')\n        return open(d + '/x').read()",
    "downloaded": "from training_jacobian.artifacts.raw_file import Raw\nRAW = (Raw('raw.bin', 'sha256:0', ('http://x/raw.bin',)),)\n"
    f"{LOAD} len(open('data/raw/downloaded/raw.bin').read())",
    "random": f"{LOAD} len(open('/dev/urandom', 'rb').read(4))",
    "compiled": "def load():\n    import jax\n    jax.config.update('jax_compilation_cache_dir', 'compiled')\n"
    "    jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n    hits = []\n"
    "    jax.monitoring.register_event_listener(lambda event, **_: hits.append('cache_hits' in event))\n"
    "    for _ in range(2):\n        jax.clear_caches()\n        jax.jit(lambda x: x + 3)(1.0)\n"
    "    assert any(hits)\n    return len(hits)",
}
PROGRAM = """
import importlib, json, sys
from training_jacobian.artifacts import integrity, reading
told = {}
for name in json.loads(sys.argv[1]):
    home, _, module = name.partition(".")
    reading.watch({section: {"name": module} for section, each in reading.HOMES.items() if each == home})
    try:
        told[name] = f"read {importlib.import_module('training_jacobian.learning.' + name).load()}"
    except reading.UndeclaredError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each of these modules says in a job, in a project with a copy of the package.  Those with FILES come first:
    what these name excuses no other.
    """
    root = tmp_path_factory.mktemp("project")
    package = root / "src/training_jacobian"
    shutil.copytree(ROOT / "src/training_jacobian", package, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data/raw/downloaded").mkdir(parents=True)
    (root / "data/raw/downloaded/raw.bin").write_text("content")
    np.save(root / "data/mine.npy", np.arange(4.0))
    (root / "data/mine.csv").write_text("a\n1\n2\n")
    with h5py.File(root / "data/mine.h5", "w") as file:
        file["a"] = np.arange(3.0)
    (root / "modules").mkdir()
    for place in PLACES.values():
        (root / place).write_text("content")
    names = []
    for home in HOMES:
        (package / "learning" / home / "_helper.py").write_text("def text(file): return open(file).read()\n")
        made = {**{name: text for name, (_, text) in WAYS.items()}, **(FINE if home == "datasets" else {})}
        made |= {f"{name}_named": f"FILES = ('data/{file}',)\n{text}" for name, (file, text) in WAYS.items()}
        made |= {name: f"{LOAD} len(open({place!r}).read())" for name, place in PLACES.items()}
        for name, text in made.items():
            (package / "learning" / home / f"{name}.py").write_text(text)
            names.append(f"{home}.{name}")
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM, json.dumps(sorted(names, key=lambda name: not name.endswith("_named")))],
        cwd=root,
        env={"PYTHONPATH": f"{root / 'src'}:{root / 'modules'}", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    SHARED.unlink()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("name", WAYS)
def test_a_file_that_is_not_named_is_refused(told, home, name):
    file, own = f"data/{WAYS[name][0]}", f"{home}/{name}.py"
    # a helper's FILES would be in no recipe
    reader, whose = (f"{home}/_helper.py", f"the FILES of {own}") if name == "swallowed" else (own, "its FILES")
    asked = f"/proc/self/cwd/{file}" if name == "process" else file
    assert told[f"{home}.{name}"] == (
        f"{reader} reads {asked}, which {whose} do not name: a change of that file would go unseen; "
        f"say FILES = ({file!r},) in {own}, and run the same command again"
    )
    assert told[f"{home}.{name}_named"].startswith("read ")  # negative control: the same module, with FILES


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("place", PLACES)
def test_no_place_is_an_excuse(told, home, place):
    assert "which its FILES do not name" in told[f"{home}.{place}"]


@pytest.mark.parametrize("name", FINE)
def test_what_needs_no_name(told, name):
    assert told[f"datasets.{name}"].startswith("read ")


def test_contents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType("training_jacobian.learning.datasets.mine")
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


def test_files_lie_in_the_project_and_are_read_once(tmp_path, monkeypatch):
    module, read, real = ModuleType("training_jacobian.learning.datasets.mine"), [], integrity.sha256
    module.FILES = ("a.npy",)
    (tmp_path / "a.npy").write_bytes(b"a")
    os.utime(tmp_path / "a.npy", (0, 0))
    monkeypatch.chdir("/")
    monkeypatch.setattr(integrity, "sha256", lambda path: read.append(path) or real(path))
    before = [reading.contents(module, tmp_path) for _ in range(3)]
    assert before == [{"a.npy": real(tmp_path / "a.npy")}] * 3
    assert len(read) == 1
    (tmp_path / "a.npy").write_bytes(b"b")  # as large, and of the same name
    os.utime(tmp_path / "a.npy", (1, 1))
    assert reading.contents(module, tmp_path) != before[0]


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
