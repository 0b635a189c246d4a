"""Memory that jobs took, by their logs in results/logs, beside the estimates of needs.py: `make figures`, then this.

Of each kind of job and each N the one that took most.  Another params file: --params FILE.
"""

import argparse
import re
from pathlib import Path

import pandas as pd

from common import write
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.plan import plan

JOB = re.compile(r"(\w+): .* memory ([\d.]+) GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", default="params.yaml")
    made = plan(parser.parse_args().params)
    rows = []
    for log in Path("results/logs").glob("*/*.log"):
        name, found = log.name[:12], JOB.match(log.read_text())
        if not found or not made.runs_of.get(name):
            continue
        run = made.params.runs[made.runs_of[name][0]]
        if estimate := Needs(made.params, run).memory.get(found[1]):
            row = {"job": found[1], "N": run.size, "T": run.steps, "dtype": run.training.dtype}
            rows.append({**row, "estimate [GiB]": estimate / 2**30, "measured [GiB]": float(found[2])})
    if not rows:
        raise SystemExit("no logs of these runs in results/logs; compute them first")
    table = pd.DataFrame(rows).sort_values("measured [GiB]").groupby(["job", "N", "dtype"]).tail(1)
    table["ratio"] = table["estimate [GiB]"] / table["measured [GiB]"]
    write(table.sort_values(["job", "N", "dtype"]), "needs")


if __name__ == "__main__":
    main()
