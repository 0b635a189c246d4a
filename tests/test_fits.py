"""What fits into a machine and what does not, and the way out."""

import os
import resource
import time
from pathlib import Path

import pytest
import yaml

from conftest import TINY, Project
from sized import LENET, PARTIAL, needs, params, tree_of, write
from training_jacobian import cli
from training_jacobian.artifacts.address import key
from training_jacobian.workflow import fits
from training_jacobian.workflow.plan import Plan

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
    fits.check(Plan(made), jobs_run_here=False, most=-(-most // 10**6))
    text = refusal(made, jobs_run_here=False, most=most // 10**6)  # and Snakemake asks for no more than that
    assert "there are 1.5 GB by --resources mem_mb; choose `svd: {method: partial}`" in text
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
    assert "lower svd.products or svd.rank, or choose a smaller model" in refusal(
        params(**{**LENET, "svd": {**PARTIAL, "products": 400}})
    )
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
    assert capsys.readouterr().out.startswith("a, b: 160 parameters, 25 steps, float64; each\n")
    tree["defaults"]["model"]["hidden"] = [9999999]
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    began = time.monotonic()
    assert cli.main(["check"]) == 1
    assert time.monotonic() - began < 2  # nothing is planned by the column
    out, error = capsys.readouterr()
    assert "a, b: 749999935 parameters" in out
    assert "years" in out
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
