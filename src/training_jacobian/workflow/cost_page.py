"""The page of what a run takes as its network grows, by the estimates that are made before it starts."""

from collections.abc import Iterator
from typing import Any

from training_jacobian.jobs.speed import Speed
from training_jacobian.workflow import times
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.costs import duration
from training_jacobian.workflow.fits import readable
from training_jacobian.workflow.needs import Needs
from training_jacobian.workflow.params import Run

WIDTHS = (64, 128, 256, 512)  # N = 4810, 9610, 19,210, 38,410
SPEED = Speed(float32=100e9, float64=50e9)  # of one thread, such as a Xeon's: the page is the same wherever it is made
RANDOM = {"name": "random", "seed": 0, "bias_std": 0.125}
PARTIAL: dict[str, Any] = {"method": "partial", "rank": 50, "operators": ["J"], "tolerance": 1e-6}
PARTIAL |= {"products": 200, "block": 32, "seed": 0}

HEAD = f"""# What a run takes

What `training-jacobian reference costs` prints: time on one thread that multiplies matrices at
{SPEED.float64 / 1e9:.0f} GFLOP/s in float64, memory at its peak, disk of what stays.  What your own params.yaml takes
on your machine, `training-jacobian check` tells.  `benchmarks/needs.py` sets the estimates beside what jobs took.

The paper's run: digits, 625 steps of 64 examples, float64, with 64, 128, 256 and 512 hidden units.  Analyses have the
settings of `params.yaml`; `subspace` and `pfj` train hundreds of networks."""


def page(params: Any) -> str:
    """In Markdown, of the first run, an MLP (of the repository's params.yaml the paper's), and of wider ones.

    Raises ValueError if it is none.
    """
    return "\n".join(_lines(params)) + "\n"


def _lines(params: Any) -> Iterator[str]:
    yield HEAD
    name, first = next(iter(params.runs.items()))
    if first.model.name != "mlp":
        raise ValueError(f"runs.{name}: the page is of an MLP, and this is none; see `training-jacobian check`")
    base = first.model_dump()
    for svd, title in ((base["svd"], "With J and its SVD"), (PARTIAL, "With a partial SVD")):
        wider = [{**base, "initial": RANDOM, "svd": svd, "model": {**base["model"], "hidden": [h]}} for h in WIDTHS]
        yield from _table(title, [Needs(params, Run.model_validate(run)) for run in wider])


def _table(title: str, needs: list[Needs]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield "| job | " + " | ".join(f"N = {each.size:,}" for each in needs) + " |"
    yield "| --- |" + " --- |" * len(needs)
    for job in needs[0].memory:
        cells = [_cell(each, job) for each in needs]
        yield f"| {'`' + job + '`' if job in ANALYSES else job} | " + " | ".join(cells) + " |"


def _cell(needs: Needs, job: str) -> str:
    count = -(-needs.size // needs.params.compute.columns_per_job) if job == "columns" else 1
    several = f"{count} x " if count > 1 else ""
    disk = f", disk {readable(needs.disk[job])}" if job in needs.disk else ""
    return f"{several}{duration(times.seconds(needs, job, 1, SPEED))}, {readable(needs.memory[job])}{disk}"
