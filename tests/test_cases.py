"""Kinds of trouble that people of this field report in public, one test a kind: files, processes, surroundings, what is asked for.

Each failed at 9687bc7, except "16 bits", which was refused there too.

The slow ones run with `make test-engines`.

What the other members of a kind do is tested where the kind is mended: the comment beside a test names the file.
"""

import fcntl
import gzip
import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import optax
import pytest

from conftest import HANGS, TINY, Project
from in_stages import made
from training_jacobian.artifacts import address, raw, store
from training_jacobian.artifacts.raw_file import Raw
from training_jacobian.jacobian.operator import TrainingJacobian
from training_jacobian.workflow import plan
from training_jacobian.workflow.loading import ParamsError

SESSION = """
import sys, jax, numpy as np
jax.config.update("jax_enable_x64", False)
from training_jacobian.session import trajectory
from training_jacobian.jacobian.operator import TrainingJacobian
J = TrainingJacobian(trajectory("a", "../params.yaml"))
product = J @ np.ones(160)
assert product.dtype == np.float64, product.dtype
np.save("product.npy", product)
print(jax.config.jax_enable_x64, "matplotlib" in sys.modules)
"""


def job(project: Project, stage: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The job of a stage of the run `a`, run again."""
    made = plan.plan(project.root / "params.yaml").recipes["a"][stage]
    file = address.path(made, f"{stage}.h5")
    (project.root / file).unlink()
    words = ["job", stage, "--recipe", f"results/recipes/{address.key(made)}.json", "--jax", "--out", file]
    return python(project, "-m", "training_jacobian", *words, **variables)


def python(
    project: Project, *words: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=cwd or project.root, env={**project.environment, **variables}, text=True,
        capture_output=True, check=False, timeout=HANGS,
    )  # fmt: skip


@pytest.mark.engines
def test_environment_changes_numbers(project):
    """More surroundings: test_surroundings.py."""
    before = project.contents()
    done = job(project, "train", JAX_THREEFRY_PARTITIONABLE="0")
    assert done.returncode == 0, done.stderr
    assert project.contents() == before


def test_any_oserror_is_damaged(project):
    """More of the operating system's answers: test_store.py."""
    of = plan.plan(project.root / "params.yaml").recipes["a"]["svd"]
    path = project.root / address.path(of, "svd.h5")
    content = path.read_bytes()
    with path.open("r+b") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with pytest.raises(store.ArtifactError) as refused:
            store.read_hdf5(path, of, "svd")
    assert "lock" in str(refused.value)
    assert "delete" not in str(refused.value)
    path.write_bytes(content[:-100])  # negative control: content that is wrong is to be deleted
    with pytest.raises(store.ArtifactError, match=f"{re.escape(str(path))}.*delete"):
        store.read_hdf5(path, of, "svd")


def test_device_that_is_not_there(project):
    done = job(project, "train", JAX_PLATFORMS="cuda")
    assert done.returncode == 1
    assert re.search(r"stage train: JAX_PLATFORMS = 'cuda': .*; unset it, or set it to 'cpu'", done.stderr)


@pytest.mark.engines
def test_packages_through_pythonpath(project, tmp_path):
    """What PYTHONPATH finds stays there, after our own sources; braces and quotes in the project's path are its own."""
    noted, modules = tmp_path / "noted", tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(f"import sys\nopen({str(noted)!r}, 'a').write(repr(sys.path) + '\\n')\n")
    moved = Project(project.root.rename(project.root.with_name("run {x} it's")))
    shutil.rmtree(moved.root / "results/data")
    moved.environment["PYTHONPATH"] = str(modules)
    done = moved.run("all_data")
    assert done.returncode == 0, done.stderr
    job = json.loads(noted.read_text().splitlines()[-1].replace("'", '"').replace('it"s', "it's"))
    assert job.index(f"{moved.root}/src") < job.index(str(modules))


def test_processors_are_told_apart():
    from training_jacobian.jobs import compiled

    arm = "processor\t: 0\nFeatures\t: fp asimd {}\nCPU implementer\t: 0x41\nCPU part\t: {}\n"
    kinds = [compiled.processor(arm.format(*each)) for each in (("sve", "0xd40"), ("", "0xd40"), ("sve", "0xd4f"))]
    assert len(set(kinds)) == 3
    assert None not in kinds
    assert compiled.processor("flags\t: sse2 avx\nmodel name\t: x\n") not in kinds
    assert compiled.processor("processor\t: 0\nBogoMIPS\t: 50\n") is None  # nothing tells: nothing is kept


# of params.yaml: (text replaced, replacement, the message); more in test_params.py
REFUSED = {
    "epsilon below the dtype": ("c: {training: {dtype: float32}}", "c: {training: {dtype: float32, optimizer: {name: adam, learning_rate: 0.001, b1: 0.9, b2: 0.999, eps: 1e-8, eps_root: 1e-46}}}", r"runs\.c.*eps_root.*1e-46"),
    "a run named on": ("  b: {init", "  on: {init", r"on.*quote it, or choose another name"),
    "a run named no": ("  b: {init", "  no: {init", r"no.*quote it, or choose another name"),
    "16 bits": ("dtype: float32", "dtype: float16", r"runs\.c\.training\.dtype = 'float16'"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_check(tmp_path, monkeypatch, what):
    old, new, message = REFUSED[what]
    assert old in TINY
    with pytest.raises(ParamsError, match=message):
        made(tmp_path, TINY.replace(old, new), monkeypatch)


def test_ten_million_units(project):
    """What fits, and what does not: test_fits.py."""
    project.edit("b: {initial: {seed: 1}}", "b: {model: {hidden: [9999999]}}")
    done = python(project, "-m", "training_jacobian", "check")
    assert done.returncode == 1
    assert "runs.b: " in done.stderr
    assert "lower model.hidden" in done.stderr
    planned = project.run("-n")
    assert planned.returncode != 0
    assert "runs.b: " in planned.stdout + planned.stderr
    assert "Traceback" not in done.stderr + planned.stdout + planned.stderr


@pytest.mark.engines
def test_a_job_names_its_run(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.edit("learning_rate: 0.1", "learning_rate: 1e6")
    made = plan.plan()
    made.write_recipes()
    of = made.recipes["a"]["train"]
    words = ["train", "--recipe", f"results/recipes/{address.key(of)}.json", "--out", address.path(of, "train.h5")]
    done = python(project, "-m", "training_jacobian", "job", *words, "--jax", "--log", "log")
    assert re.search(r"run a, stage train: training has diverged at .*; lower .*; log: log\n$", done.stderr)


def test_broken_pipe(project):
    """The reader has gone before the first line comes."""
    command = f"(sleep 0.5; {sys.executable} -m training_jacobian status; echo $? >&2) | true"
    done = subprocess.run(
        ["bash", "-c", command], cwd=project.root, env=project.environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == "0\n"


@pytest.mark.engines
def test_compiled_code_is_damaged(project):
    """JAX would warn in every run, compile every time, and never replace it.  Quicker: test_clock.py."""
    project.environment["JAX_COMPILATION_CACHE_DIR"] = ""  # as for users
    assert job(project, "train").returncode == 0
    kept = [path for path in (project.root / "results/.compiled").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:50])
    before = project.contents()
    done = job(project, "train")
    assert (done.returncode, done.stderr) == (0, "")
    assert project.contents() == before
    left = [path for path in (project.root / "results/.compiled").rglob("*") if path.is_file()]
    assert left
    assert min(path.stat().st_size for path in left) > 50


def test_browser_unpacked_the_gz(tmp_path):
    """Other names and places: test_raw.py."""
    content = b"\x00\x00\x08\x01\x00\x00\x00\x01\x07"
    known = Raw("labels", f"sha256:{store.hashlib.sha256(content).hexdigest()}", ("http://nowhere.invalid/labels.gz",))
    (tmp_path / "labels.gz").write_bytes(content)
    assert raw.fetch(known, tmp_path).read_bytes() == content
    (tmp_path / "labels").unlink()
    (tmp_path / "labels.gz").write_bytes(gzip.compress(content))
    assert raw.fetch(known, tmp_path).read_bytes() == content


@pytest.mark.engines
def test_the_users_own_session(project):
    """64 bits inside of our own computations only; a notebook in a folder of the project finds its results."""
    notebooks = project.root / "notebooks"
    notebooks.mkdir()
    done = python(project, "-c", SESSION, cwd=notebooks)
    assert (done.returncode, done.stdout) == (0, "False False\n"), done.stderr
    of = plan.plan(project.root / "params.yaml").recipes["a"]
    with h5py.File(project.root / address.path(of["jacobian"], "jacobian.h5")) as file:
        np.testing.assert_allclose(np.load(notebooks / "product.npy"), file["J"][()].sum(axis=1), rtol=1e-12)


@pytest.mark.engines
def test_affinity_is_refused(project, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os\ndef refused(*_): raise PermissionError(1, 'not permitted')\nos.sched_setaffinity = refused\n"
    )
    before = project.contents()
    done = job(project, "train", PYTHONPATH=f"{project.root}/src:{tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("refuses CPU affinity") == 1
    assert project.contents() == before


@pytest.mark.engines
def test_pickling(project, tiny, monkeypatch):
    from training_jacobian import session

    monkeypatch.chdir(project.root)
    J = TrainingJacobian(session.trajectory("a"), 3, 20)
    V = np.random.default_rng(0).standard_normal((160, 2))
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(J))  # noqa: S301 (a product of ours, for joblib)
    np.testing.assert_array_equal(again @ V, J @ V)
    assert (again.start, again.end) == (3, 20)
    with pytest.raises(TypeError, match=r"made in memory cannot be pickled: .*session\.trajectory"):
        pickle.dumps(TrainingJacobian(tiny.trajectory(optax.sgd(0.1))))


MINE = """\"\"\"Mine.\"\"\"

from typing import Literal

import numpy as np

from training_jacobian.learning.datasets import digits

EXAMPLES, INPUTS, CLASSES = 1797, 64, 10
RAW = ()
FILES = ("data/mine.npz",)


class Options(digits.Options):
    name: Literal["mine"]


def load():
    with np.load("data/mine.npz", allow_pickle=False) as file:
        return file["inputs"], file["labels"]
"""


@pytest.mark.engines
def test_a_changed_data_file(project):
    """README's way to add a data set, one that reads a file; what else a module may read: test_reading_files.py."""
    from training_jacobian.learning.datasets import digits

    (project.root / "src/training_jacobian/learning/datasets/mine.py").write_text(MINE)
    project.edit("name: digits", "name: mine")
    inputs, labels = digits.load()
    np.savez(project.root / "data/mine.npz", inputs=inputs, labels=labels)
    before = {stage: project.key("a", stage) for stage in ("data", "train", "svd")}
    assert project.key("a", "data") == before["data"]
    np.savez(project.root / "data/mine.npz", inputs=inputs / 2, labels=labels)
    assert not set(before.values()) & {project.key("a", stage) for stage in before}
    project.edit('FILES = ("data/mine.npz",)', "", "src/training_jacobian/learning/datasets/mine.py")  # and forgotten
    assert "reads data/mine.npz, which its FILES do not name" in project.run("all_data").stderr
