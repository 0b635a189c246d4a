"""What jobs need, against what they took and hold; what fits and what does not; what a cluster is asked for."""

import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from conftest import TINY, Project
from training_jacobian import cli
from training_jacobian.artifacts.address import key
from training_jacobian.jacobian import operator
from training_jacobian.jacobian.trajectory import Trajectory
from training_jacobian.learning import problem, training
from training_jacobian.learning.components import component
from training_jacobian.learning.models import mlp
from training_jacobian.run import MEMORY
from training_jacobian.workflow import fits
from training_jacobian.workflow.loading import parse
from training_jacobian.workflow.needs import CACHE, CHUNK, KEPT, SEGMENT, SEGMENT_OF_PRODUCTS, Needs
from training_jacobian.workflow.plan import Plan

ANALYSES = """
perturbation: {sizes: {start: 0.001, stop: 1000.0, num: 30}, bulk_tolerance: 0.1, linear_tolerance: 0.1, seed: 0}
behaviour: {size: 1, seed: 0}
subspace: {dimensions: {start: 100, stop: 4810, num: 20}, seed: 0}
angles: {dimensions: {start: 100, stop: 2405, num: 12}, seed: 0}
pfj: {dimensions: {start: 100, stop: 3000, num: 10}, seed: 0}
density: {thresholds: [30], probes: 4, steps: 30, seed: 0}
"""
ADAM = {"name": "adam", "learning_rate": 1e-3, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8}
OPTIMIZERS = {
    "sgd": ({"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, None),
    "sgd, clipped": ({"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, 1.0),
    "adamw": ({**ADAM, "name": "adamw", "weight_decay": 0.1}, None),
    "lion": ({"name": "lion", "learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "weight_decay": 0.1}, None),
    "rmsprop": ({"name": "rmsprop", "learning_rate": 0.1, "decay": 0.9, "eps": 1e-8, "momentum": 0.5}, None),
}
PARTIAL = {
    **{"method": "partial", "rank": 50, "operators": ["J"], "tolerance": 0.1, "products": 120, "block": 8, "seed": 0}
}


MNIST = {"name": "mnist", "train_size": 30000, "test_size": 10000}
LENET = {
    "data": {"name": "mnist", "train_size": 60000, "test_size": 10000},
    "model": {"name": "lenet5"},
    "training": {"epochs": 3, "batch_size": 200, "dtype": "float32"},
    "svd": PARTIAL,
}
PAPER = {"model": {"hidden": [64]}, "training": {"epochs": 25}}
WIDE = {"model": {"hidden": [100]}, "training": {"epochs": 4}, "data": {"test_size": 837}}
WIDER = {"model": {"hidden": [256]}, "training": {"epochs": 4}}
WIDER |= {"svd": {**PARTIAL, "rank": 30, "products": 60, "block": 16}}
# GiB that jobs took, by their logs: `make figures`, `make lenet`, mlp_mnist.yaml, benchmarks/needs.py
MEASURED = [
    (PAPER, {"columns": 0.58, "svd": 1.3, "subspace": 1.4, "angles": 0.9, "identity": 0.6, "behaviour": 0.8}),
    ({**PAPER, "data": {"test_size": 773}}, {"pfj": 2.6, "spectrum": 0.67, "perturbation": 0.68, "jacobian": 0.4}),
    (WIDE, {"columns": 0.38, "jacobian": 0.75, "svd": 2.71, "spectrum": 1.5, "perturbation": 1.19, "train": 0.34}),
    (WIDER, {"train": 0.37, "triplets": 0.53, "density": 0.5, "responses": 0.54}),
    ({"model": {"hidden": [256]}, "training": {"epochs": 25}}, {"columns": 0.75}),
    ({"data": MNIST, "model": {"hidden": [16]}, "training": {"batch_size": 100}}, {"svd": 7.4}),
    (LENET, {"triplets": 3.6}),
]


def tree_of(text):
    """Parsed; YAML 1.1 takes 1e-1 for text."""
    return {**yaml.safe_load(text), "spectrum": {"thresholds": [0.1], "bulk_tolerance": 0.1}}


def params(columns=2432, kind=None, **changes):
    """Params of one run, `a`, that differs from TINY's in these sections, with a figure of that kind."""
    tree = tree_of(TINY + ANALYSES)
    for section, values in changes.items():
        old = tree["defaults"].get(section, {})
        named = "name" in values and values["name"] != old.get("name")
        keep = {"activation": "gelu"} if section == "model" else {}
        tree["defaults"][section] = {**(keep if named else old), **values}
    kind = kind or ("triplets" if "svd" in changes else "bird")
    tree |= {"runs": {"a": {}}, "compute": {"columns_per_job": columns}}
    tree["figures"]["plots"] = {"figure": {"kind": kind, "runs": "all"}}
    return parse(tree, Path())


def needs(**changes):
    made = params(**changes)
    return Needs(made, made.runs["a"])


@pytest.mark.parametrize(("changes", "measured"), MEASURED)
def test_estimates_are_above_what_jobs_took_and_below_twice_that(changes, measured):
    estimates = needs(**changes).memory
    for job, gib in measured.items():
        assert gib <= estimates[job] / 2**30 <= 2 * gib, job


def test_constants_are_those_of_the_modules_that_import_jax():
    assert KEPT == training.KEPT
    assert (CHUNK, CACHE, SEGMENT) == (operator.CHUNK, operator.CACHE, operator.MEMORY)
    assert MEMORY == SEGMENT_OF_PRODUCTS


@pytest.mark.parametrize(("optimizer", "clip_norm"), OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_states_and_linearised_steps_are_as_large_as_they_are(optimizer, clip_norm):
    clip = {"clip_norm": clip_norm} if clip_norm else {}
    estimated = needs(model={"hidden": [32, 16]}, training={"optimizer": optimizer, "batch_size": 16, **clip})
    model = {"name": "mlp", "hidden": [32, 16], "activation": "gelu"}
    gradient = problem.gradient(mlp.shapes(model, 64, 10), model, component("losses", "cross_entropy"))
    gradient = gradient.on(jnp.zeros((16, 64)), jnp.zeros(16, int))
    transformation = training.optimizer(optimizer, {"name": "cosine"}, 4, clip_norm)
    theta = jax.ShapeDtypeStruct((estimated.run.size,), jnp.float64)
    state = training.State(theta, jax.eval_shape(transformation.init, theta))
    stacked = lambda first, last: jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), state)
    made = Trajectory(gradient, transformation, np.zeros((4, 16), np.int32), stacked).linearized_bytes
    held = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    assert estimated.state == pytest.approx(held, rel=1e-3)
    # no more than two vectors of the size of theta above it
    assert made <= 1.01 * estimated.linearized
    assert estimated.linearized <= made + 2 * theta.size * 8


def test_linearised_steps_of_lenet5_are_as_large_as_they_were():
    estimated = needs(**LENET)
    assert estimated.run.size == 61706
    assert estimated.linearized == pytest.approx(14360560, rel=0.03)  # batches of 200 in float32


@pytest.mark.parametrize("hidden", [2, 64, 512, 40000, 999999])
@pytest.mark.parametrize("epochs", [1, 25, 1000])
def test_kept_states_are_those_that_training_keeps(hidden, epochs):
    estimated = needs(model={"hidden": [hidden]}, training={"epochs": epochs})
    assert estimated.every == training.every((estimated.run.steps + 1) * estimated.state, 25)


def test_memory_and_time_grow_as_the_matrices_do():
    small, large = needs(model={"hidden": [64]}), needs(model={"hidden": [512]})
    assert (small.run.size, large.run.size) == (4810, 38410)
    for job, matrices in {"jacobian": 1, "svd": 7, "identity": 3, "spectrum": 2, "pfj": 9, "angles": 4}.items():
        grown = 8 * (38410**2 - 4810**2)
        assert matrices * grown <= large.memory[job] - small.memory[job] <= 1.7 * (matrices + 1) * grown, job
    assert large.disk["jacobian"] == 8 * 38410**2
    assert large.disk["svd"] == 16 * 38410**2
    assert small.minutes("svd", 4) == 60
    assert 800 < large.minutes("svd", 4) < 1300
    assert large.minutes("svd", 1) == pytest.approx(4 * large.minutes("svd", 4), rel=0.01)


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


GROUPS = {
    "none": ({}, None),
    "unlimited": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, None),
    "version 2": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4096),
    "of a group around it": (
        {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "512", "sys/fs/cgroup/a/b/memory.max": "max"},
        512,
    ),
    "in a container": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1024"}, 1024),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/slurm/job\n4:memory:/slurm/job\n",
            "sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes": "2048\n",
            "sys/fs/cgroup/cpu,cpuacct/slurm/job/memory.max": "1\n",
        },
        2048,
    ),
}


@pytest.mark.parametrize(("files", "limit"), GROUPS.values(), ids=GROUPS.keys())
def test_limits_of_control_groups_count(tmp_path, files, limit):
    write(tmp_path, files)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert fits.machine_memory(tmp_path)[0] == (limit or physical)
    assert ("control group" in fits.machine_memory(tmp_path)[1]) == bool(limit)


def test_limits_of_ulimit_count(tmp_path, monkeypatch):
    limits = {resource.RLIMIT_AS: 2 * 10**9}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits.get(kind, resource.RLIM_INFINITY),) * 2)
    there, what = fits.machine_memory(tmp_path)
    assert there == 2 * 10**9 - fits.RESERVED
    assert "ulimit -v" in what


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of that much memory and disk, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def sized(memory=10**18, disk=10**18):
        monkeypatch.setattr(fits, "machine_memory", lambda: (memory, "of memory"))
        monkeypatch.setattr(fits, "free_disk", lambda: disk)

    return sized


def refusal(made, **options):
    with pytest.raises(fits.DoesNotFitError) as refused:
        fits.check(Plan(made), **options)
    return str(refused.value)


def test_memory_that_suffices_and_memory_that_does_not(machine):
    made = params(model={"hidden": [64]})
    most = needs(model={"hidden": [64]}).memory["svd"]
    machine(memory=most)
    fits.check(Plan(made))
    machine(memory=most - 1)
    text = refusal(made)
    assert "runs.a: svd needs 1.5 GB of memory (4810 parameters, 25 steps, float64), and there are 1.5 GB" in text
    assert "choose `svd: {method: partial}`, which forms no J, or lower model.hidden" in text
    assert "compute: {may_not_fit: true}" in text
    fits.check(Plan(made), jobs_run_here=False)  # it is asked of the nodes
    fits.check(Plan(made.model_copy(update={"compute": made.compute.model_copy(update={"may_not_fit": True})})))
    fits.check(Plan(params(model={"hidden": [64]}, svd=PARTIAL)))  # what it says works


def test_a_way_out_is_named_only_where_it_is_one(machine):
    machine(memory=25 * 10**9)
    text = refusal(params(model={"hidden": [9999999]}))
    assert "svd needs 31.5 EB of memory" in text
    assert "partial" not in text.splitlines()[0]
    assert "lower model.hidden" in text
    assert "lower svd.products or svd.rank" in refusal(
        params(model={"hidden": [4096]}, svd={**PARTIAL, "rank": 2000, "products": 4000})
    )
    machine(memory=10**9)
    assert "lower svd.products or svd.rank, or choose a smaller model" in refusal(params(**LENET))
    machine(memory=29 * 10**8)
    assert "lower data.test_size" in refusal(
        params(kind="pfj_spectrum", model={"hidden": [64]}, data={"test_size": 773})
    )


def test_jobs_that_no_figure_shows_need_nothing(machine):
    machine(memory=29 * 10**8)
    fits.check(Plan(params(model={"hidden": [64]}, data={"test_size": 773})))  # the same without the PFJ


def disk(of):
    """Bytes of all artifacts, and of the blocks beside J."""
    assert of.passing == {"jacobian": of.disk["jacobian"]}
    return sum(of.disk.values()) + of.passing["jacobian"]


def test_disk_that_suffices_and_disk_that_does_not(machine):
    made, need = params(model={"hidden": [64]}), disk(needs(model={"hidden": [64]}))
    machine(disk=need)
    fits.check(Plan(made))
    machine(disk=need - 1)
    text = refusal(made, jobs_run_here=False)
    assert "results/ needs 743 MB of disk for what is not there yet (svd of a 370 MB, jacobian of a 185 MB" in text
    assert "and 743 MB are free" in text
    assert "gc" in text
    assert "svd: {method: partial}" in text


def test_runs_that_share_an_artifact_need_it_once(machine):
    made = params(model={"hidden": [64]})
    twice = made.model_copy(update={"runs": {"a": made.runs["a"], "b": made.runs["a"]}})
    machine(disk=disk(needs(model={"hidden": [64]})))
    fits.check(Plan(twice))


def test_what_is_there_needs_nothing_more(machine):
    made = Plan(params(model={"hidden": [64]}))
    need, all_of_it = needs(model={"hidden": [64]}).disk, disk(needs(model={"hidden": [64]}))
    name = key(made.recipes["a"]["jacobian"])
    write(Path(), {f"results/jacobian/{name}/columns-0-2432.h5": "x" * 1000, made.files("a", "data")[0]: ""})
    machine(disk=all_of_it - need["data"] - 1000)
    fits.check(made)
    machine(disk=all_of_it - need["data"] - 1001)
    refusal(made.params)
    write(Path(), {made.files("a", "svd")[0]: ""})  # J is there for the SVD alone
    machine(memory=needs(model={"hidden": [64]}).memory["spectrum"], disk=need["train"])
    fits.check(made)
    write(Path(), dict.fromkeys(made.files("a", "spectrum"), ""))
    machine(memory=10**9, disk=need["train"])
    fits.check(made)  # figures of what was computed elsewhere


def test_check_tells_what_runs_need_and_refuses_what_does_not_fit(machine, capsys):
    tree = tree_of(TINY)
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    machine(memory=25 * 10**9, disk=80 * 10**9)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out.startswith(
        "a: 160 parameters, 25 steps, float64; at most 426 MB of memory (columns)\n"
    )
    tree["defaults"]["model"]["hidden"] = [9999999]
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    began = time.monotonic()
    assert cli.main(["check"]) == 1
    assert time.monotonic() - began < 2  # nothing is planned by the column
    out, error = capsys.readouterr()
    assert "a: 749999935 parameters" in out
    assert error.startswith("training-jacobian: runs.a: svd needs 31.5 EB")
    assert "Traceback" not in error


@pytest.mark.engines
def test_snakemake_refuses_what_does_not_fit_and_unlocks_all_the_same(tmp_path):
    project = Project.create(tmp_path / "project", TINY.replace("hidden: [2]", "hidden: [9999999]"))
    began = time.monotonic()
    done = project.run("-n")
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "runs.a: svd needs 31.5 EB of memory" in text
    assert " EB of disk" in text
    assert time.monotonic() - began < 60  # on any machine; planned job by job it takes minutes
    assert "Traceback" not in text
    assert not list((project.root / "results").rglob("*"))
    assert project.run("--unlock").returncode == 0


# what sbatch is called with, one line a job; squeue and the like say nothing
SBATCH = "#!/bin/sh\necho $* >>submitted\necho $$\n"


@pytest.fixture
def submitted(tmp_path):
    """Function that starts Snakemake with profiles/slurm and gives the options of the first jobs that it submits."""
    fake = tmp_path / "fake"
    for name in ("sbatch", "squeue", "sacct", "sacctmgr", "scontrol", "sinfo", "scancel"):
        write(fake, {name: SBATCH if name == "sbatch" else "#!/bin/sh\n"})
        (fake / name).chmod(0o755)

    def start(project, count, *options):
        environment = {**project.environment, "PATH": f"{fake}:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "snakemake", "all_svd", "--profile", "profiles/slurm", *options]
        lines = []
        with subprocess.Popen(
            command, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            for _ in range(600):
                if (project.root / "submitted").exists():
                    lines = (project.root / "submitted").read_text().split("\n")[:-1]  # those that are whole
                if len(lines) >= count or running.poll() is not None:
                    break
                time.sleep(0.1)
            running.send_signal(signal.SIGKILL)
            text = running.communicate()[0]
        assert len(lines) >= count, text
        return [
            (re.search(r"--comment (\S+)", line)[1], *map(int, re.search(r"-t (\d+) --mem (\d+)", line).groups()))
            for line in lines
        ]

    return start


def test_a_cluster_is_asked_for_memory_and_time_that_grow_with_n(tmp_path, submitted):
    runs = "  a: {model: {hidden: [64]}}\n  b: {model: {hidden: [512]}}\n  c: {}\n"
    text = re.sub(r"  a: {}\n  b: .*\n  c: .*\n", runs, TINY).replace("columns_per_job: 96", "columns_per_job: 2432")
    project, made = Project.create(tmp_path / "project", text), Plan(parse(tree_of(text), Path()))
    blocks = [each for run in "ab" for each in made.blocks(key(made.recipes[run]["jacobian"]))]
    write(project.root, dict.fromkeys([*made.all_files("data", "train"), *blocks], ""))  # what comes before the SVDs
    jobs = submitted(
        project, 3, "--default-resources", "slurm_partition=some", "--set-resources", "columns:mem_mb=4321"
    )
    asked = {}
    for run, size in {"a": 4810, "b": 38410}.items():  # gathering, SVD and spectrum of a run are one job
        matrix, need = 8 * size**2 / 10**6, Needs(made.params, made.params.runs[run])
        asked[run] = -(-need.memory["svd"] // 10**8) * 100 + 300
        assert 7 * matrix < asked[run] < 8 * matrix + 600
        assert need.memory["jacobian"] / 10**6 < asked[run]
    limits = {memory: minutes for name, minutes, memory in jobs if name == "rule_svd_jacobian_svd"}
    assert limits.keys() == set(asked.values())
    assert limits[asked["a"]] == 120
    assert 900 < limits[asked["b"]] < 1300
    assert [job[2] for job in jobs if "columns" in job[0]] == [4321]  # whoever knows better is heard


def test_jobs_side_by_side_share_the_memory_of_the_machine(finished):
    logs = [log.read_text() for log in (finished.root / ".snakemake/log").glob("*.log")]
    provided = [int(each) for log in logs for each in re.findall(r"Provided resources: .*mem_mb\D*(\d+)", log)]
    assert provided == [fits.machine_memory()[0] // 10**6] * len(logs)
