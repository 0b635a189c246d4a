"""Where the time of the last run of Snakemake here went, by kind of job: `make figures`, then this.

A job's core seconds are its wall time times its threads.  What no job took is Snakemake's, or idle.
"""

import argparse
import os
import re
from datetime import timedelta
from pathlib import Path

import pandas as pd

from common import write

JOB = re.compile(r"(\w+): ([\d.]+) s, start-up ([\d.]+) s, compilation ([\d.]+) s, threads (\d+), memory ([\d.]+) GiB")
NUMBERS = ["seconds", "start-up", "compilation", "threads", "memory"]


def last_run() -> tuple[float, int, pd.DataFrame]:
    """Wall seconds, cores, and one row a job, from Snakemake's last log and the jobs' own."""
    log = max(Path(".snakemake/log").glob("*.log"), default=None)
    text = log.read_text() if log else ""
    elapsed, cores = re.search(r"Elapsed time: (\d+):(\d+):([\d.]+)", text), re.search(r"Provided cores: (\d+)", text)
    if not elapsed or not cores:
        raise SystemExit("no finished run of Snakemake in .snakemake/log; run `make figures` first")
    hours, minutes, seconds = map(float, elapsed.groups())
    wall = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    logs = [Path(name) for name in re.findall(r"^    log: (results/logs/\S+)", text, re.MULTILINE)]
    rows = [match.groups() for each in logs if (match := JOB.match(each.read_text()))]
    jobs = pd.DataFrame(rows, columns=["job", *NUMBERS]).astype(dict.fromkeys(NUMBERS, float))
    return wall, min(int(cores[1]), len(os.sched_getaffinity(0))), jobs


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    wall, cores, jobs = last_run()
    times = ["seconds", "start-up", "compilation"]
    jobs[times] = jobs[times].mul(jobs["threads"].clip(upper=cores), axis=0)
    grouped = jobs.groupby("job")
    table = grouped[times].sum().assign(jobs=grouped.size(), memory=grouped["memory"].max())
    table = table.sort_values("seconds", ascending=False).reset_index()
    rest = cores * wall - jobs["seconds"].sum()
    table = pd.concat([table, pd.DataFrame([{"job": "engine, idle cores", "seconds": rest}])])
    table["share"] = table["seconds"] / (cores * wall)
    write(table.rename(columns={"seconds": "core seconds", "memory": "memory [GiB]"}), "figures")
    overhead = rest + jobs["start-up"].sum() + jobs["compilation"].sum()
    print(f"{wall / 60:.1f} minutes on {cores} cores, {len(jobs)} jobs")
    print(f"engine, idle cores, start-up and compilation: {overhead / (cores * wall):.1%}")


if __name__ == "__main__":
    main()
