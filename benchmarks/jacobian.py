"""The paper run's Jacobian: this workflow against the paper's own way, alternating in one run; and its SVD.

The paper's way is `jax.jacfwd` over the whole training in float32, in one process.  Ours is `snakemake` from a stored
training run to the gathered jacobian.h5: all jobs, their start-up, compilation, files.  Both on all cores, and on one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from common import flops, median, save, write

ROOT = Path(__file__).resolve().parents[1]
RUNS = {"float32": "paper_float32", "float64": "paper"}
GFLOP = 1e-9 * flops([64, 64, 10], 64) * 4810 * 625

PAPERS_WAY = """
import jax, jax.numpy as jnp, numpy as np
from training_jacobian.learning import problem, split, training
from training_jacobian.learning.losses import cross_entropy
from training_jacobian.learning.models import mlp
from training_jacobian.learning.orders import stored

examples, model = split.split("digits", 197, 0), {"name": "mlp", "hidden": [64], "activation": "gelu"}
inputs = jnp.asarray(examples["inputs_train"], jnp.float32)
labels = jnp.asarray(examples["labels_train"], jnp.int32)
outputs = problem.outputs(mlp.shapes(model, 64, 10), model)
gradient = jax.grad(lambda theta, i: cross_entropy.value(outputs(theta, inputs[i]), labels[i]))
options = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
batches = jnp.asarray(stored.batches({}, 1600, 64, 25))
optimizer = training.optimizer(options, {"name": "cosine"}, len(batches))
step = training.Step(gradient, optimizer)

def train(theta):
    return jax.lax.scan(lambda s, i: (step(s, i), None), training.State(theta, optimizer.init(theta)), batches)[0].theta

J = np.asarray(jax.jit(jax.jacfwd(train))(jnp.asarray(np.load("data/theta0_seed0.npy"))))
np.save(OUT, J)
"""

PEAK = """
import sys
sys.path.insert(0, "BENCHMARKS")
from training_jacobian.jobs.threads import hold
hold(1, xla=True)
import jax
jax.config.update("jax_enable_x64", True)
from common import gemm_peak
print(gemm_peak("float32"), gemm_peak("float64"))
"""

PINNED = """
import os, sys
end = sys.argv.index("--")
os.sched_setaffinity(0, map(int, sys.argv[1:end]))
os.execv(sys.executable, [sys.executable, *sys.argv[end + 1 :]])
"""

SVD = """
import sys, time, h5py, scipy.linalg
with h5py.File(sys.argv[1]) as file:
    J = file["J"][()]
start = time.perf_counter()
scipy.linalg.svd(J, lapack_driver="gesdd", check_finite=False)
print(time.perf_counter() - start)
"""


class Copy:
    """A copy of the project in a temporary folder, on some of this machine's cores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("src", "workflow", "profiles", "envs", "data"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "params.yaml"):
            shutil.copy(ROOT / name, folder)

    def run(self, command: list[str], cores: int) -> tuple[float, float, str]:
        """Wall seconds, memory of its largest process in GiB, what it printed."""
        allowed = sorted(os.sched_getaffinity(0))[:cores]
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", PINNED, *map(str, allowed), "--", *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command} failed; is this a machine on which `make figures` works?")
        return time.monotonic() - start, used.ru_maxrss / 2**20, printed

    def path(self, run: str, stage: str) -> Path:
        """A file of a stage."""
        return Path(self.run(["-m", "training_jacobian", "path", run, stage], 1)[2].strip())

    def ours(self, dtype: str, cores: int) -> dict[str, float]:
        """Seconds of the whole, memory of a block; start-up and compilation of all blocks together."""
        target = self.path(RUNS[dtype], "jacobian")
        for old in (target.parent, Path("results/.compiled")):
            shutil.rmtree(self.folder / old, ignore_errors=True)
        wall, _, _ = self.run(["-m", "snakemake", "--cores", str(cores), str(target)], cores)
        told = []
        for log in (self.folder / "results/logs/jacobian").glob(f"{target.parent.name}-*.log"):
            numbers = re.findall(r"([\d.]+) s|memory ([\d.]+) GiB", log.read_text())
            told.append([float(second or memory) for second, memory in numbers])
        whole, startup, compilation, memory, _ = np.array(told).T
        overhead = {"start-up a job [s]": startup.mean(), "compilation a job [s]": compilation.mean()}
        alone = {"products alone [s]": (whole - startup - compilation).sum() / cores}
        return {"seconds": wall, **alone, "memory [GiB]": memory.max(), **overhead}

    def papers_way(self, cores: int) -> dict[str, float]:
        """The same of the paper's way."""
        out = str(self.folder / "papers_way.npy")
        wall, memory, _ = self.run(["-c", PAPERS_WAY.replace("OUT", repr(out))], cores)
        return {"seconds": wall, "memory [GiB]": memory}


def difference(ours: Path, theirs: Path) -> float:
    """Relative difference of two stored matrices: that both computed the same thing."""
    import h5py

    with h5py.File(ours) as file:
        J = file["J"][()]
    return float(np.linalg.norm(np.load(theirs) - J) / np.linalg.norm(J))


def figure(table: pd.DataFrame) -> None:
    """Medians as bars."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(context="paper", style="ticks", palette="colorblind", font_scale=0.8)
    fig, axes = plt.subplots(figsize=(3.3, 2.1))
    sns.barplot(
        table.astype({"cores": str}),
        x="seconds",
        y="method",
        hue="cores",
        estimator="median",
        errorbar=("pi", 100),
        ax=axes,
    )
    sns.move_legend(axes, "lower right", frameon=False)
    axes.set(xlabel="seconds for the paper run's Jacobian", ylabel="")
    sns.despine(fig)
    save(fig, "jacobian")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--cores", type=int, nargs="+", default=[len(os.sched_getaffinity(0)), 1])
    chosen = options.parse_args()
    rows: list[dict[str, object]] = []

    def note(pair: int, cores: int, method: str, **measured: float) -> None:
        rows.append({"pair": pair + 1, "cores": cores, "method": method, **measured})
        print(f"pair {pair + 1}, {cores} cores, {method}: {measured['seconds']:.1f} s", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        copy = Copy(Path(temporary))
        for run in RUNS.values():
            copy.run(["-m", "snakemake", "--cores", "1", str(copy.path(run, "train"))], 1)
        for pair in range(chosen.pairs):
            for cores in chosen.cores:
                peaks = [
                    float(x)
                    for x in copy.run(["-c", PEAK.replace("BENCHMARKS", str(ROOT / "benchmarks"))], 1)[2].split()
                ]
                theirs = copy.papers_way(cores)
                note(pair, cores, "paper's way, float32", **theirs)
                for dtype, peak in zip(RUNS, peaks, strict=True):
                    ours = copy.ours(dtype, cores)
                    rate = GFLOP / ours["seconds"]
                    ratios = {"paper's / ours": theirs["seconds"] / ours["seconds"], "GFLOP/s": rate}
                    ratios |= {"peak of the cores [GFLOP/s]": cores * peak, "share of peak": rate / cores / peak}
                    note(pair, cores, f"ours, {dtype}", **ours, **ratios)
        write(pd.DataFrame(rows), "jacobian")
        figure(pd.DataFrame(rows))
        medians = pd.DataFrame(rows).drop(columns="pair").groupby(["method", "cores"], as_index=False).median()
        write(medians, "jacobian_medians")
        found = copy.folder / copy.path(RUNS["float64"], "jacobian")
        print(f"relative difference of the two matrices: {difference(found, copy.folder / 'papers_way.npy'):.1e}")
        svd = [float(copy.run(["-c", SVD, str(found)], max(chosen.cores))[2]) for _ in range(chosen.pairs)]
        print(f"SVD with vectors, float64, N = 4810, {max(chosen.cores)} cores: {median(svd):.1f} s")


if __name__ == "__main__":
    main()
