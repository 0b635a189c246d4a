"""SVD of the paper run's Jacobian (after `make figures`): LAPACK's drivers and threads, with vectors and without."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd

from common import write

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import resource, sys, time
from training_jacobian.jobs.threads import hold
path, driver, threads, vectors = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "yes"
hold(threads, xla=False)
import h5py, scipy.linalg
with h5py.File(path) as file:
    J = file["J"][()]
start = time.perf_counter()
scipy.linalg.svd(J, compute_uv=vectors, lapack_driver=driver, check_finite=False, overwrite_a=True)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
CASES = [("gesdd", 2, "yes"), ("gesdd", 1, "yes"), ("gesdd", 2, "no"), ("gesdd", 1, "no"), ("gesvd", 2, "yes")]
LIMIT = 200  # seconds; a case that takes longer is stopped, and its row is empty


def main() -> None:
    path = subprocess.check_output(["training-jacobian", "path", "paper", "jacobian"], cwd=ROOT, text=True).strip()
    rows = []
    for driver, threads, vectors in CASES:
        command = [sys.executable, "-c", PROGRAM, path, driver, str(threads), vectors]
        row: dict[str, object] = {"driver": driver, "threads": threads, "vectors": vectors}
        with suppress(subprocess.TimeoutExpired):
            printed = subprocess.check_output(command, cwd=ROOT, text=True, timeout=LIMIT)
            row |= dict(zip(("seconds", "memory [GiB]"), map(float, printed.split()), strict=True))
        print(row, flush=True)
        rows.append(row)
    write(pd.DataFrame(rows), "svd")


if __name__ == "__main__":
    main()
