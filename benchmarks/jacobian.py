"""The paper run's Jacobian: this workflow in float64 against the paper's own way in float32, alternating in one run.

The paper's way is `jax.jacfwd` over the whole training, all cores, in one process; timed as that process, start to end.
Ours is `snakemake` from a stored training run to the gathered jacobian.h5, a process too: jobs, start-up, compilation.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PAPERS_WAY = """
import jax, jax.numpy as jnp, numpy as np
from training_jacobian import data, training
from training_jacobian.models import mlp

split = data.split("digits", 197, 0)
inputs = jnp.asarray(split["inputs_train"], jnp.float32)
labels = jnp.asarray(split["labels_train"], jnp.int32)
logits = training.logits(mlp.shapes(64, [64], 10), "mlp", "gelu")
gradient = jax.grad(lambda theta, i: training.cross_entropy(logits(theta, inputs[i]), labels[i]))
options = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
batches = jnp.asarray(training.batches(1600, 64, 25))
optimizer = training.optimizer(options, {"name": "cosine"}, len(batches))
step = training.make_step(gradient, optimizer)

def train(theta):
    return jax.lax.scan(lambda s, i: (step(s, i), None), training.State(theta, optimizer.init(theta)), batches)[0].theta

J = np.asarray(jax.jit(jax.jacfwd(train))(jnp.asarray(np.load("data/theta0_seed0.npy"))))
np.save(OUT, J)
"""


def timed(command: list[str], folder: Path) -> float:
    """Wall seconds."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    start = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.monotonic() - start


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("src", "workflow", "profiles", "envs", "data"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "params.yaml"):
            shutil.copy(ROOT / name, folder)
        path = [sys.executable, "-m", "training_jacobian", "path", "paper"]
        find = lambda stage: subprocess.check_output([*path, stage], cwd=folder, text=True).strip()
        target = find("jacobian")
        snakemake = [sys.executable, "-m", "snakemake", "--cores", str(chosen.cores)]
        timed([*snakemake, find("train")], folder)
        out = folder / "papers_way.npy"
        papers_way = [sys.executable, "-c", PAPERS_WAY.replace("OUT", repr(str(out)))]
        ratios = []
        print("pair  paper's way float32 [s]  ours float64 [s]  ours / paper's")
        for pair in range(chosen.pairs):
            theirs = timed(papers_way, folder)
            shutil.rmtree(folder / Path(target).parent, ignore_errors=True)
            ours = timed([*snakemake, target], folder)
            ratios.append(ours / theirs)
            print(f"{pair + 1:4}  {theirs:23.1f}  {ours:16.1f}  {ratios[-1]:14.2f}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}; {chosen.cores} cores; {difference(folder / target, out)}")


def difference(ours: Path, theirs: Path) -> str:
    """That both computed the same thing."""
    import h5py
    import numpy as np

    with h5py.File(ours) as file:
        J = file["J"][()]
    error = np.linalg.norm(np.load(theirs) - J) / np.linalg.norm(J)
    return f"relative difference of the two matrices {error:.1e}"


if __name__ == "__main__":
    main()
