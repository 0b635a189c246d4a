"""How tests run; projects for tests of the workflow, computed once."""

import fcntl
import gc
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jax
import pytest

from tiny import Tiny

# The tests' own small programs take longer to compile than to run.  Workflows under test are compiled as for users.
FLAGS = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = f"{FLAGS} --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
jax.devices()  # reads them
os.environ["XLA_FLAGS"] = FLAGS
jax.config.update("jax_enable_x64", True)
gc.freeze()  # JAX traces with many objects: looking for cycles among them took a twelfth of the time
gc.set_threshold(50_000, 20, 50)
COMPILED = tempfile.TemporaryDirectory(prefix="compiled-")  # many tests compile the same
jax.config.update("jax_compilation_cache_dir", COMPILED.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

# and so do jobs under test, in one folder of all workers, or, in .ci/run, of all suites
if "COMPILED_OF_JOBS" not in os.environ:
    OF_JOBS = tempfile.TemporaryDirectory(prefix="compiled-jobs-")
    os.environ["COMPILED_OF_JOBS"] = OF_JOBS.name

ROOT = Path(__file__).parents[1]
SLURM_PLUGIN = str(Path(sys.prefix, "slurm"))  # where Makefile puts Snakemake's; for the PYTHONPATH of tests with Slurm
HANGS = 1200  # seconds, after which a command is taken to hang

TINY = """
defaults:
  data: {name: digits, test_size: 197, split_seed: 0}
  model: {name: mlp, hidden: [2], activation: gelu}
  initial: {name: random, seed: 0, bias_std: 0.125}
  training:
    optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9}
    schedule: {name: cosine}
    epochs: 1
    batch_size: 64
    dtype: float64
runs:
  a: {}
  b: {initial: {seed: 1}}
  c: {training: {dtype: float32}}
spectrum:
  thresholds: [1e-1, 1e-10]
  bulk_tolerance: 0.1
figures:
  style: {width: 3.3, height: 2.3, font_size: 8, palette: colorblind, dpi: 100}
  plots:
    spectrum: {kind: spectrum, runs: [a]}
    uv_cosine: {kind: uv_cosine, runs: [a]}
    bird: {kind: bird, runs: all}
compute:
  columns_per_job: 96
"""


@pytest.hookimpl(tryfirst=True)  # before -m is looked at
def pytest_collection_modifyitems(items):
    """What wants all analyses computed is not of `make test`.  The longest first, or one worker is alone at the end."""
    for item in items:
        if "smoke" in item.fixturenames and not item.get_closest_marker("slurm"):
            item.add_marker("engines")
        suites = {mark.name for mark in item.iter_markers()} & {"paper", "engines", "slurm", "experiments"}
        assert len(suites) < 2, item.nodeid
    items.sort(key=lambda item: "test_kills_at_random_moments" not in item.name)


@pytest.fixture(scope="module", autouse=True)
def programs_are_let_go():
    """Those of all modules together took 6 GB."""
    yield
    jax.clear_caches()


SMOKE = (ROOT / "studies/smoke.yaml").read_text()


@pytest.fixture
def tiny():
    return Tiny()


class Project:
    """A copy of the workflow with its own params.yaml and results."""

    def __init__(self, root: Path) -> None:
        self.root = root
        compiled = {"JAX_COMPILATION_CACHE_DIR": os.environ["COMPILED_OF_JOBS"]}
        self.environment = {**os.environ, **compiled, "PYTHONPATH": str(root / "src")}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each start would compile all of src anew

    @classmethod
    def create(cls, root: Path, params: str = TINY) -> "Project":
        for name in ("src", "workflow", "profiles", "envs", "data", "components"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", root)
        (root / "params.yaml").write_text(params)
        return cls(root)

    def copy(self, root: Path) -> "Project":
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)

    def edit(self, old: str, new: str, file: str = "params.yaml") -> None:
        text = (self.root / file).read_text()
        assert text.count(old) >= 1, f"{old!r} is not in {file}"
        (self.root / file).write_text(text.replace(old, new))

    def run(self, *arguments: str, cores: int | None = 2) -> subprocess.CompletedProcess[str]:
        """`snakemake` with these arguments; without `--cores` if None."""
        command = [sys.executable, "-m", "snakemake", *(["--cores", str(cores)] if cores else []), *arguments]
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=HANGS, check=False
        )

    def compute(self) -> str:
        """What the terminal shows."""
        done = self.run()
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def jobs(self) -> Counter[str]:
        """Rules that a dry run would execute, with their number of jobs."""
        done = self.run("-n")
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        return Counter(re.findall(r"^(?:local)?rule (\w+):$", text, flags=re.MULTILINE))

    def planned_keys(self) -> dict[str, set[str]]:
        """Keys of the jobs that a dry run would execute, by rule."""
        done = self.run("-n")
        pattern = r"^(?:local)?rule (\w+):$.*?wildcards: key=([0-9a-f]{12})"
        found: dict[str, set[str]] = {}
        for rule, key in re.findall(pattern, done.stdout + done.stderr, flags=re.MULTILINE | re.DOTALL):
            found.setdefault(rule, set()).add(key)
        return found

    def key(self, run: str, stage: str) -> str:
        command = [sys.executable, "-m", "training_jacobian", "path", run, stage]
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=True)
        return Path(done.stdout.splitlines()[0]).parent.name

    def running(self, *stages: str) -> list[int]:
        """Process ids of the running jobs, of these stages or of all."""
        found, root = [], str(self.root.resolve())
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_text().split("\0")
                if "training_jacobian" not in command or "--recipe" not in command:
                    continue
                if str((process / "cwd").readlink()) != root:
                    continue
            except OSError:
                continue
            if not stages or command[command.index("training_jacobian") + 2] in stages:
                found.append(int(process.name))
        return found

    def contents(self) -> dict[str, str]:
        """SHA-256 of all artifacts, without logs, stamp and what XLA compiled."""
        files = [path for path in (self.root / "results").rglob("*") if path.is_file()]
        named = {str(path.relative_to(self.root / "results")): path for path in files}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in named.items()
            if not name.startswith(("logs/", "recipes/", ".published", ".compiled/"))
        }


def once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """A project made once for all of xdist's workers; copy it before changing anything.

    With FINISHED_PROJECTS, a folder, once for all runs of pytest of the same code: .ci/run does that.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # each worker has a folder in it
    shared = Path(os.environ.get("FINISHED_PROJECTS", shared))
    root = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = shared / f"unfinished-{name}"
            make(unfinished)
            unfinished.rename(root)
    return root


def computed(tmp_path_factory, name: str, params: str) -> Project:
    """A project computed by Snakemake, once; beside it `<name>.txt`, what the terminal showed."""

    def make(root: Path) -> None:
        shown = Project.create(root, params).compute()
        root.with_name(f"{name}.txt").write_text(shown)

    return Project(once(tmp_path_factory, name, make))


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """The tiny project."""
    return computed(tmp_path_factory, "finished", TINY)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Project:
    """The smoke study as a project of its own: all analyses."""
    return computed(tmp_path_factory, "smoke", SMOKE)


@pytest.fixture
def project(finished, tmp_path) -> Project:
    return finished.copy(tmp_path / "project")


def under_dvc(tmp_path_factory, name: str, project: Project, params: str):
    """A computed project, then `dvc repro`, under git, once; no stage function runs twice.  A Repository."""
    from repository import Repository, create  # which imports this file

    def make(root: Path) -> None:
        made = create(root, params)
        shutil.copytree(project.root / "results", root / "results", symlinks=True, dirs_exist_ok=True)
        assert made.snakemake() == {}
        assert made.dvc("repro") == {}
        made.git("add", "--all")
        made.git("commit", "--quiet", "--message", "computed")

    return Repository(once(tmp_path_factory, name, make))


@pytest.fixture(scope="session")
def committed(smoke, tmp_path_factory):
    """The smoke study under both engines."""
    return under_dvc(tmp_path_factory, "committed", smoke, SMOKE)


@pytest.fixture(scope="session")
def finished_tiny(finished, tmp_path_factory):
    """The tiny project under both engines."""
    return under_dvc(tmp_path_factory, "finished-dvc", finished, TINY)
