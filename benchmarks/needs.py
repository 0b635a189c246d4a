"""Memory and time that jobs took, by their logs in results/logs, beside what `training-jacobian check` estimates.

`make figures`, then this.  Of each kind of job, N and T the most that one took.  Time is that of processors: on a quiet
machine threads times seconds.  Another params file: --params FILE.
"""

import argparse
import re
from pathlib import Path

import pandas as pd

from common import write
from training_jacobian.jobs.speed import calibrate
from training_jacobian.workflow import times
from training_jacobian.workflow.costs import available
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.plan import plan

JOB = re.compile(r"(\w+): ([\d.]+) s, .* threads (\d+), memory ([\d.]+) GiB, processors ([\d.]+) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", default="params.yaml")
    made, speed = plan(parser.parse_args().params), calibrate(available())
    rows = []
    for log in Path("results/logs").glob("*/*.log"):
        name, found = log.name[:12], JOB.match(log.read_text())
        if not found or not made.runs_of.get(name):
            continue
        run = made.params.runs[made.runs_of[name][0]]
        needs, job, threads = Needs(made.params, run), found[1], int(found[3])
        if not (memory := needs.memory.get(job)):
            continue
        rows.append(
            {
                **{"job": job, "N": run.size, "T": run.steps, "dtype": run.training.dtype, "threads": threads},
                **{"estimate [GiB]": memory / 2**30, "measured [GiB]": float(found[4])},
                "estimate [core s]": threads * times.seconds(needs, job, threads, speed),
                **{"measured [core s]": float(found[5]), "wall [s]": float(found[2])},
            }
        )
    if not rows:
        raise SystemExit("no logs of these runs in results/logs; compute them first")
    table = pd.DataFrame(rows).groupby(["job", "N", "T", "dtype", "threads"], as_index=False).max()
    for unit in ("GiB", "core s"):
        table[f"ratio [{unit}]"] = table[f"estimate [{unit}]"] / table[f"measured [{unit}]"]
    write(table, "needs")
    told = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {dtype}" for dtype, rate in speed._asdict().items())
    print(f"products of matrices on one thread: {told}")


if __name__ == "__main__":
    main()
