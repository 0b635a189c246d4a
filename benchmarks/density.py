"""Singular values of the paper run's J - I below 0.1, counted with ten seeds, against the truth (after `make figures`).

With the stored J, which multiplies faster; products along the trajectory are equal to 1e-11 (tests/test_jacobian.py).
And the triplets that are left out, against the dense ones.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy.sparse.linalg import aslinearoperator

from common import write
from training_jacobian.spectral import partial_svd, quadrature

RANK, THRESHOLD = 100, 0.1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--probes", type=int, default=8)
    options.add_argument("--steps", type=int, default=400)
    chosen = options.parse_args()
    with h5py.File(Path("results/runs/paper/jacobian/jacobian.h5")) as file:
        J = file["J"][()]
    with h5py.File(Path("results/runs/paper/svd/svd.h5")) as file:
        exact = {"J": file["S"][()]}
    exact["J - I"] = pd.read_csv("results/runs/paper/identity/sigma.csv")["sigma"].to_numpy()[::-1]
    operators = {"J": aslinearoperator(J), "J - I": aslinearoperator(J - np.eye(len(J)))}
    for name, operator in operators.items():
        found = partial_svd.largest(operator, RANK, 1e-9, 32, len(J))
        off = np.abs(found["S"] - exact[name][:RANK])
        print(f"{RANK} triplets of {name}: {found['products']} products, largest relative error of sigma", end=" ")
        print(f"{(off / found['S']).max():.1e}, of the bounds {(found['bound'] / found['S']).max():.1e}", flush=True)
    rows = []
    for seed in range(chosen.seeds):
        parts = quadrature.quadrature(operators["J - I"], found["Vt"].T, chosen.probes, chosen.steps, seed)
        row = quadrature.counts(parts, [THRESHOLD], found["S"], found["bound"]).iloc[0]
        reach = (row["high"] - row["low"]) / 2 / row["count"]
        rows.append({"seed": seed, **row.to_dict(), "uncertainty": reach})
        print(rows[-1], flush=True)
    table, truth = pd.DataFrame(rows), int((exact["J - I"] < THRESHOLD).sum())
    write(table, "density")
    covered = ((table["low"] <= truth) & (truth <= table["high"])).sum()
    print(f"the truth, {truth}, is covered in {covered} of {len(table)} seeds")


if __name__ == "__main__":
    main()
