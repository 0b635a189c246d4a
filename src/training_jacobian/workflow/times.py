"""How long jobs take: about, on this machine, for people; at most, anywhere, for a cluster.

Both from the floating-point operations that a job's declaration counts.  A job does them at its own pace: a part of the
speed at which a thread of this machine multiplies large matrices (jobs/speed.py), found by benchmarks/needs.py.
"""

import math

from training_jacobian.jobs.speed import Speed
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.needs import Needs

FLOPS = 5e9  # a second and thread, which a slow core reaches too; one of a Xeon with AVX-512 has ten times as many
MINUTES = 60  # of any job, at least
TRAINING = 30  # of a training, at least
PACES = {"train": 0.3, "columns": 0.85, "svd": 1.2}
START, START_JAX = (
    1.0,
    4.0,
)  # seconds to import what a job needs, and to compile it where that was done before or is short
TRAFFIC = 250e6  # bytes a second that are read and checked, or written with their checksum
QUARTER = ("svd",)  # of the stages; analyses say it themselves
SUBMITTED = 4  # threads of a job that may have several, where jobs are submitted
# operations of a step and vector from which threads make products with J faster: two took 1.1 times as long as one at
# 6e6 (digits, h = 256), 0.7 times at 2e7 (MNIST, h = 64), 0.9 times at 1e9 (LeNet-5); on two halves of one core, by
# benchmarks/threads.py
LARGE = 1e7
SCALING = 0.8  # n threads are n^0.8 times as fast as one


def operations(needs: Needs, job: str) -> float:
    """Floating-point operations of the jobs whose number grows faster than what they read; 0 of others."""
    if job in ANALYSES:
        return ANALYSES[job].operations(needs)
    examples = (needs.run.training.epochs + 1) * (needs.train_size + needs.test_size)
    columns = min(needs.params.compute.columns_per_job, needs.size)
    return {
        "train": needs.training + 2.0 * needs.multiplications * examples,
        "columns": needs.tangent * columns,
        "svd": 22.0 * needs.size**3,  # gesdd with vectors (Golub and Van Loan, Matrix Computations, section 8.6)
    }.get(job, 0.0)


def threads(needs: Needs, job: str, cores: int | None) -> int:
    """Threads of a job on a machine with so many cores; None: where jobs are submitted."""
    asked = ANALYSES[job].threads if job in ANALYSES else "quarter" if job in QUARTER else "one"
    if asked == "one" or (asked == "products" and needs.tangent < LARGE * needs.run.steps):
        return 1
    if cores is None:
        return SUBMITTED
    return cores if asked == "products" else max(1, cores // 4)


def limit(needs: Needs, job: str, threads: int = 1) -> int:
    """Minutes that a job may take: its operations at 5 GFLOP/s a thread, an hour at least."""
    at_least = ANALYSES[job].minutes if job in ANALYSES else TRAINING if job == "train" else MINUTES
    return max(at_least, math.ceil(operations(needs, job) / (60 * FLOPS * threads)))


def seconds(needs: Needs, job: str, threads: int, speed: Speed) -> float:
    """Seconds that a job takes about, alone on its threads: its start, its files, its operations."""
    jax = ANALYSES[job].jax if job in ANALYSES else job in ("train", "columns")
    single = jax and needs.itemsize == 4  # linear algebra without JAX is in float64
    pace = ANALYSES[job].pace if job in ANALYSES else PACES.get(job, 1.0)
    of_one = operations(needs, job) / (pace * (speed.float32 if single else speed.float64))
    return (START_JAX if jax else START) + _traffic(needs, job) / TRAFFIC + of_one / threads**SCALING


def _traffic(needs: Needs, job: str) -> float:
    """Bytes that a job reads and writes, tables aside."""
    if job == "columns":
        columns = min(needs.params.compute.columns_per_job, needs.size)
        return needs.stored + columns * needs.size * needs.itemsize
    of_group = 2 if job in ANALYSES and ANALYSES[job].group == "pairs" else 1
    read = ["jacobian"] if job == "jacobian" else list(catalog.inputs(job))  # its blocks are as large as it is
    return needs.disk.get(job, 0) + of_group * sum(needs.disk.get(each, 0) for each in read)
