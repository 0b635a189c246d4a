"""What a plan costs, for people: jobs once each, tables, totals, and the line at the start of the workflow."""

from pathlib import Path

import pytest

from conftest import TINY
from sized import PARTIAL, needs, params, tree_of, write
from training_jacobian import cli
from training_jacobian.jobs.speed import Speed
from training_jacobian.workflow import costs, fits, times
from training_jacobian.workflow.loading import parse
from training_jacobian.workflow.plan import Plan

SPEED = Speed(float32=100e9, float64=50e9)
PAPER = {"model": {"hidden": [64]}, "training": {"epochs": 25}}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder, and a machine of that speed, with room for everything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costs, "calibrate", lambda together: SPEED)
    monkeypatch.setattr(costs, "available", lambda: 2)
    monkeypatch.setattr(fits, "machine_memory", lambda: (10**18, "of memory"))
    monkeypatch.setattr(fits, "free_disk", lambda: 10**18)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.31, "0.31 s"), (1, "1 s"), (59.4, "59 s"), (59.9, "1 min"), (61, "1 min"), (3599, "1 h"), (5400, "1.5 h")),
        *((86400, "1 days"), (86400 * 364.9, "1 years"), (86400 * 365.0 * 12345, "12000 years")),
    ],
)
def test_durations(seconds, text):
    assert costs.duration(seconds) == text


def test_each_job_once_whichever_runs_share_it():
    made = costs.jobs(Plan(parse(tree_of(TINY), Path())), SPEED, 2)  # runs a, b, and c in float32, of the same data
    assert [each.name for each in made].count("data") == 1
    assert [each.name for each in made].count("columns") == 3
    assert len({(each.key, each.name) for each in made}) == len(made)
    (columns,) = [each for each in made if each.name == "columns" and each.runs == ("a",)]
    assert columns.count == 2  # 96 of 160
    assert columns.all == 2 * columns.seconds
    assert all(each.missing for each in made)


def test_what_is_there_is_not_missing():
    plan = Plan(params(**PAPER))
    write(Path(), {plan.files("a", stage)[0]: "" for stage in ("data", "train", "jacobian")})
    missing = {each.name for each in costs.jobs(plan, SPEED, 2) if each.missing}
    assert missing == {"svd", "spectrum", "agreement"}


def test_threads_and_the_longest_chain():
    plan = Plan(params(**PAPER))
    made = costs.jobs(plan, SPEED, 8)
    assert {each.name: each.threads for each in made if each.threads > 1} == {"svd": 2}
    alone = {each.name: each.seconds for each in made}
    assert costs.wall(plan, made, 1) == sum(each.all for each in made)
    chain = sum(alone.values()) - alone["agreement"]  # which waits for the training alone; blocks are side by side
    assert costs.wall(plan, made, 8) == pytest.approx(chain)
    assert chain < sum(each.all for each in made)


def test_report():
    tree = tree_of(TINY)
    lines = list(costs.report(Plan(parse(tree, Path())), SPEED, 2))
    assert lines[0] == "a, b: 160 parameters, 25 steps, float64; each"
    assert lines[1].split() == ["time", "memory", "disk"]
    told = ["agreement", "columns", "data", "jacobian", "spectrum", "svd", "train"]
    assert sorted(line.split()[0] for line in lines[2:9]) == told
    assert next(line for line in lines if "columns" in line).split()[1:3] == ["2", "x"]
    assert lines[9] == "c: 160 parameters, 25 steps, float32"
    assert lines[-2].startswith("all: about ")
    assert lines[-2].endswith("a thread multiplies matrices at 50 GFLOP/s in float64, 100 in float32")
    assert lines[-1].startswith("not there yet: about ")
    longest_first = [times.seconds(needs(**PAPER), job, 1, SPEED) for job in ("columns", "svd", "train")]
    assert longest_first == sorted(longest_first, reverse=True)


def test_groups_are_told_once():
    made = params(**PAPER)
    tree = made.model_dump(mode="json", exclude_unset=True)
    tree["runs"] = {"a": {}, "b": {"initial": {"seed": 1}}}
    tree["figures"]["plots"] = {"angles": {"kind": "angles", "comparisons": {"seeds": ["a", "b"]}}}
    lines = list(costs.report(Plan(parse(tree, Path())), SPEED, 2))
    assert [line for line in lines if line.startswith("angles, of 1 group of runs: ")]


def test_line_at_the_start(capsys):
    plan = Plan(params(**PAPER))
    costs.announce(plan, 2, ["--cores", "2"])
    out, line = capsys.readouterr()
    assert out == ""
    assert line.startswith("training-jacobian: params.yaml: what is missing takes about ")
    assert "on 2 cores with nothing else to do, 604 MB of disk (longest: columns of a)\n" in line
    costs.announce(plan, 64, [])
    assert "on 2 cores" in capsys.readouterr().err
    costs.announce(plan, None, [])
    assert "of one core like this machine's, 604 MB of disk" in capsys.readouterr().err


@pytest.mark.parametrize(("argument", "dry"), [("-n", True), ("-np", True), ("--dry-run", True), ("--nolock", False)])
def test_no_line_for_a_dry_run(capsys, argument, dry):
    costs.announce(Plan(params(**PAPER)), 2, [argument, "--cores", "2"])
    assert (capsys.readouterr().err == "") == dry


def test_no_line_and_no_calibration_where_nothing_is_missing(monkeypatch, capsys):
    plan = Plan(params(**PAPER))
    write(Path(), dict.fromkeys([file for stage in plan.recipes["a"] for file in plan.files("a", stage)], ""))
    monkeypatch.setattr(costs, "calibrate", lambda together: pytest.fail("it was measured"))
    costs.announce(plan, 2, [])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(costs, "calibrate", lambda together: (_ for _ in ()).throw(OSError("no such process")))
    costs.announce(Plan(params(training={"epochs": 24})), 2, [])  # something is missing, and no speed: nothing stops
    assert capsys.readouterr().err == ""


def test_nothing_is_measured_where_the_speed_does_not_matter(monkeypatch, capsys):
    measured = []
    monkeypatch.setattr(costs, "calibrate", lambda together: measured.append(together) or SPEED)
    costs.announce(Plan(parse(tree_of(TINY), Path())), 2, [])
    assert capsys.readouterr().err.startswith("training-jacobian: params.yaml: what is missing takes about ")
    assert measured == []
    costs.announce(Plan(params(**PAPER)), 2, [])
    assert measured == [min(2, costs.available())]


def test_check_tells_what_runs_cost(capsys):
    Path("params.yaml").write_text(TINY)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "a, b: 160 parameters, 25 steps, float64; each"


def test_a_partial_svd_forms_no_jacobian():
    names = {each.name for each in costs.jobs(Plan(params(**PAPER, svd=PARTIAL)), SPEED, 2)}
    assert names == {"data", "train", "agreement", "triplets"}
