"""No setting from outside changes a bit of an artifact or of a picture; what a user may choose is let through."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence

import pytest

from conftest import HANGS, ROOT, Project
from training_jacobian.artifacts import address
from training_jacobian.jobs.surroundings import FIXED, cleared
from training_jacobian.workflow import plan

RC = "text.usetex: True\naxes.facecolor: red\nfont.size: 30\naxes.formatter.use_locale: True\n"
NOWHERE = "/nonexistent/folder"
SUFFIXES = (".csv", ".pdf", ".png")
SEEING = ("train", "figure")  # the jobs that see most of their surroundings; quick enough for each of these alone
PIPES: dict = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}

# each is one hostile surrounding: environment variables, of which some change numbers at 9687bc7, some stop jobs
VARIABLES = {
    "random numbers": {"JAX_THREEFRY_PARTITIONABLE": "0"},
    "another generator": {"JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_RANDOM_SEED_OFFSET": "7"},
    "single precision": {"JAX_ENABLE_X64": "0"},
    "matrix products": {"JAX_DEFAULT_MATMUL_PRECISION": "bfloat16"},
    "default dtypes": {"JAX_DEFAULT_DTYPE_BITS": "32", "JAX_NUMPY_DTYPE_PROMOTION": "strict"},
    "ranks": {"JAX_NUMPY_RANK_PROMOTION": "raise"},
    "debugging": {"JAX_DEBUG_NANS": "1", "JAX_CHECK_TRACER_LEAKS": "1", "JAX_LOG_COMPILES": "1"},
    "no compilation": {"JAX_DISABLE_JIT": "1"},
    "fast arithmetic": {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_cpu_fast_math_honor_nans=false"},
    "old instructions": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2 --xla_backend_optimization_level=0"},
    "many devices": {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_NUM_CPU_DEVICES": "4"},
    "flags that do not exist": {"XLA_FLAGS": "--no_such_flag=1"},
    "threads": {"OMP_NUM_THREADS": "7", "OPENBLAS_NUM_THREADS": "5", "MKL_NUM_THREADS": "3", "OMP_DYNAMIC": "true"},
    "placement of threads": {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores", "KMP_AFFINITY": "compact"},
    "kernels of BLAS": {"OPENBLAS_CORETYPE": "Nehalem", "MKL_CBWR": "COMPATIBLE", "BLIS_ARCH_TYPE": "generic"},
    "features of numpy": {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3", "NPY_PROMOTION_STATE": "legacy"},
    "features of scipy": {"SCIPY_ARRAY_API": "1", "SCIPY_USE_PROPACK": "1"},
    "variants of libm": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable"},
    "notebook's backend": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "no such backend": {"MPLBACKEND": "nonsense"},
    "matplotlibrc by name": {"MATPLOTLIBRC": "elsewhere"},
    "matplotlib's folder": {"MPLCONFIGDIR": NOWHERE},
    "driver of HDF5": {"HDF5_DRIVER": "split", "HDF5_PLUGIN_PRELOAD": "::", "HDF5_DISABLE_VERSION_CHECK": "1"},
    "connector of HDF5": {"HDF5_VOL_CONNECTOR": "nonsense"},
    "locks of HDF5": {"HDF5_USE_FILE_LOCKING": "FALSE"},
    "warnings of Python": {"PYTHONWARNINGS": "error"},
    "assertions of Python": {"PYTHONOPTIMIZE": "2"},
    "interactive Python": {"PYTHONINSPECT": "1"},
    "Python for development": {"PYTHONDEVMODE": "1", "PYTHONTRACEMALLOC": "1"},
    "encoding of Python": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "order of sets": {"PYTHONHASHSEED": "12345"},
    "locale": {"LC_ALL": "tr_TR.ISO-8859-9", "LANG": "tr_TR.ISO-8859-9", "LANGUAGE": "tr"},
    "C locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
    "time zone": {"TZ": "Pacific/Kiritimati"},
    "temporary files": {"TMPDIR": NOWHERE},
    "caches": {"XDG_CACHE_HOME": NOWHERE, "XDG_CONFIG_HOME": NOWHERE},
    "pandas and scikit-learn": {"PANDAS_FUTURE_INFER_STRING": "0", "SKLEARN_SEED": "3", "NUMEXPR_MAX_THREADS": "1"},
}
SHELL = {"umask": "umask 077", "few files": "ulimit -n 64"}
LIMITS = (*SHELL, "one CPU", "no HOME", "matplotlibrc in the folder")


def jobs(project: Project) -> list[list[str]]:
    """The jobs of the run `a` and of the figure `spectrum`, as Snakemake starts them."""
    made = plan.plan(project.root / "params.yaml")
    recipes = made.recipes["a"] | {"figures": made.figure("spectrum")}
    block = address.path(recipes["jacobian"], "columns-0-160.h5")
    drawn = [address.path(recipes["figures"], f"spectrum{each}") for each in SUFFIXES]

    def job(command: str, stage: str, more: str, *out: str) -> list[str]:
        key = address.key(recipes[stage])
        return ["job", command, "--recipe", f"results/recipes/{key}.json", *more.split(), "--out", *out]

    return [
        job("data", "data", "", address.path(recipes["data"], "data.h5")),
        job("train", "train", "--jax", address.path(recipes["train"], "train.h5")),
        job("columns", "jacobian", "--jax --range 0 160", block),
        job("jacobian", "jacobian", f"--blocks {block}", address.path(recipes["jacobian"], "jacobian.h5")),
        job("svd", "svd", "", address.path(recipes["svd"], "svd.h5")),
        job("spectrum", "spectrum", "", address.path(recipes["spectrum"])),
        job("figure", "figures", "", *drawn),
    ]


def check_same_bytes(
    project: Project, limits: Sequence[str] = (), only: Collection[str] = (), **variables: str
) -> None:
    """The jobs of a run, or `only` some, write in other surroundings what they wrote in ours."""
    before = project.contents()
    environment = {**project.environment, **variables}
    rc = project.root / ("matplotlibrc" if "matplotlibrc in the folder" in limits else "elsewhere")
    rc.write_text(RC)
    if "no HOME" in limits:
        environment.pop("HOME", None)

    harm = "".join(f"{SHELL[limit]}; " for limit in limits if limit in SHELL)
    one = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))] if "one CPU" in limits else []
    for job in [each for each in jobs(project) if not only or each[1] in only]:
        for out in job[job.index("--out") + 1 :]:
            path = project.root / out
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        command = ["bash", "-c", f'{harm}exec "$@"', "_", *one, sys.executable, "-m", "training_jacobian", *job]
        done = subprocess.run(command, cwd=project.root, env=environment, **PIPES, timeout=HANGS, check=False)
        assert done.returncode == 0, f"{job[1]}: {done.stderr}"
    after = project.contents()
    assert {name for name in before if before[name] != after.get(name)} == set()


@pytest.mark.engines
def test_all_at_once(project):
    """Those that do not exclude each other."""
    together = {name: value for each in VARIABLES.values() for name, value in each.items()}
    check_same_bytes(project, LIMITS, only=("train", "columns", "svd", "figure"), **together)


def seeing(what: str) -> tuple[str, ...]:
    """The jobs to try: what is cleared is gone for all alike, so one tells, a figure where it is about drawing."""
    if cleared(VARIABLES[what]):
        return SEEING
    return ("figure",) if any(name.startswith(("MPL", "MATPLOTLIB")) for name in VARIABLES[what]) else ("train",)


def batches() -> list[list[str]]:
    """Names of variables above that one process can have together: the same jobs see them, none is set twice."""
    made: list[list[str]] = []
    for what in VARIABLES:
        for batch in made:
            if seeing(batch[0]) == seeing(what) and not any(VARIABLES[what].keys() & VARIABLES[each] for each in batch):
                batch.append(what)
                break
        else:
            made.append([what])
    return made


def check_together(check: Callable[..., None], some: Sequence[str]) -> None:
    """All of `some` at once; where that fails, each alone, so that the guilty one is named."""
    try:
        check(*some)
    except AssertionError:
        for one in some:
            check(one)
        raise


@pytest.mark.engines
@pytest.mark.parametrize("batch", batches(), ids=lambda batch: f"{batch[0]} and {len(batch) - 1} more")
def test_variables(finished, tmp_path, batch):
    def check(*some):
        set_to = {name: value for what in some for name, value in VARIABLES[what].items()}
        copy = finished.copy(tmp_path / "-".join(some)[:99])
        check_same_bytes(copy, only=seeing(some[0]), **set_to)

    check_together(check, batch)


@pytest.mark.engines
def test_limits(finished, tmp_path):
    def check(*some):
        check_same_bytes(finished.copy(tmp_path / "-".join(some)), some, only=SEEING)

    check_together(check, LIMITS)


def test_the_guilty_one_is_named():
    def check(*some):
        assert "guilty" not in some, " and ".join(some)

    check_together(check, ["one", "other"])
    with pytest.raises(AssertionError, match=r"^guilty\n"):
        check_together(check, ["one", "guilty", "other"])


def test_another_number_is_seen(project):
    """Negative control: the check fails where a number differs, here by what the job must never see."""
    with (project.root / "src/training_jacobian/jobs/surroundings.py").open("a") as file:
        file.write("\n\ndef settle(): os.environ['JAX_ENABLE_X64'] = '1'\n")
    with pytest.raises(AssertionError, match=r"train/\w+/train\.h5"):
        check_same_bytes(project, only=["train"], **VARIABLES["random numbers"])


@pytest.mark.parametrize("what", VARIABLES)
def test_what_a_job_sees(what):
    """Of all variables above, only what a user may choose."""
    seen = cleared(VARIABLES[what] | {"PATH": "/bin"})
    chosen = {"threads", "matplotlib's folder", "locks of HDF5", "encoding of Python", "order of sets", "locale"}
    chosen |= {"C locale", "time zone", "temporary files", "caches"}
    allowed = (
        {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} if what == "threads" else set(VARIABLES[what])
    )
    assert set(seen) - {"PATH"} <= (allowed if what in chosen else set())


def test_what_is_set_at_every_start_is_cleared_in_place(tmp_path):
    """By a sitecustomize on PYTHONPATH, which a process that starts anew meets again: it does so once."""
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['JAX_THREEFRY_PARTITIONABLE'] = '0'\n")
    program = (
        "import os; from training_jacobian.jobs.surroundings import settle; settle()\n"
        "print([name for name in os.environ if name.startswith(('JAX', 'TRAINING'))])"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{tmp_path}"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, **PIPES, timeout=60, check=True)
    assert set(ast.literal_eval(done.stdout)) - {"JAX_COMPILATION_CACHE_DIR"} == {"JAX_ENABLE_X64"}


def test_choices_of_a_user_are_let_through():
    chosen = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "1", "JAX_COMPILATION_CACHE_DIR": "x", "PYTHONPATH": "y"}
    assert cleared(chosen | FIXED) == chosen | FIXED
    assert cleared({"JAX_ENABLE_X64": "0"}) == {}
