"""status, verify and gc: what is there, what is damaged, what nobody needs."""

import shutil
from pathlib import Path

import pytest

from training_jacobian import cli, housekeeping
from training_jacobian.plan import FILES, plan
from training_jacobian.recipe import CORE, path


@pytest.fixture
def inside(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return project


def problems():
    return [(each.kind, str(each.path)) for each in housekeeping.verify(plan())]


def test_a_finished_project_is_right(inside, capsys):
    assert problems() == []
    assert cli.main(["verify"]) == 0
    assert "artifact folders, 0 problems" in capsys.readouterr().out
    assert cli.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"present"}
    assert any(line.split()[3:] == ["jacobian", "b"] for line in lines)
    assert any(line.split()[3:] == ["data", "a,", "b,", "c"] for line in lines)  # shared


def files_of_every_stage():
    made = [(stage, file) for stage in CORE for file in FILES[stage]]
    return [*made, *((stage, "recipe.json") for stage in CORE), ("figures", "bird.pdf"), ("figures", "runs.csv")]


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_every_damage_is_found(inside, damage, capsys):
    for stage, file in files_of_every_stage():
        found = sorted(Path("results", stage).glob(f"*/{file}"))[0]
        content = found.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        found.write_bytes(content[:middle] if damage == "truncated" else flipped)
        assert ("damaged", str(found)) in problems() or ("foreign", str(found.parent)) in problems()
        assert cli.main(["verify"]) == 1
        assert str(found.parent) in capsys.readouterr().out
        found.write_bytes(content)
    assert problems() == []


def test_what_is_foreign_or_missing_is_named(inside):
    svd = Path(path(plan().recipes["a"]["svd"]))
    shutil.copytree(svd, svd.parent / "0123456789ab")
    assert problems() == [("foreign", f"{svd.parent}/0123456789ab")]
    shutil.rmtree(svd.parent / "0123456789ab")
    (svd / "notes.txt").write_text("mine")
    assert problems() == [("foreign", f"{svd}/notes.txt")]
    (svd / "notes.txt").unlink()
    (svd / "svd.h5").unlink()
    assert problems() == [("missing", f"{svd}/svd.h5")]
    shutil.rmtree(svd)
    assert problems() == [("missing", str(svd))]
    state = {(owner, stage): state for owner, stage, state, _ in housekeeping.status(plan())}
    assert state["a", "svd"] == "missing"
    assert state["b", "svd"] == "present"


def test_artifacts_without_checksums_are_no_error(inside, capsys):
    """Those of an earlier version."""
    (Path(path(plan().recipes["a"]["spectrum"])) / "SHA256SUMS").unlink()
    next(Path("results/figures").glob("*/bird.png")).with_name("SHA256SUMS").unlink()
    assert {kind for kind, _ in problems()} == {"unrecorded"}
    assert cli.main(["verify"]) == 0
    assert "unrecorded" in capsys.readouterr().out


def test_gc_lists_and_deletes_only_what_no_run_needs(inside, capsys):
    assert housekeeping.unreferenced([plan()]) == []
    old = {stage: path(plan().recipes["b"][stage]) for stage in CORE}
    inside.edit("{seed: 1}}", "{seed: 7}}")
    listed = [str(each) for each in housekeeping.unreferenced([plan()])]
    assert {old[stage] for stage in CORE if stage != "data"} <= set(listed)
    assert old["data"] not in listed  # other runs have it
    assert cli.main(["gc"]) == 0
    assert "are not needed; `training-jacobian gc --yes` deletes them" in capsys.readouterr().out
    assert Path(old["svd"]).is_dir()  # listed, not deleted
    shutil.copy("params.yaml", "other.yaml")
    inside.edit("{seed: 7}}", "{seed: 1}}")
    assert cli.main(["gc", "--yes", "--params", "other.yaml", "params.yaml"]) == 0  # both count
    assert Path(old["svd"]).is_dir()
    assert cli.main(["gc", "--yes", "--params", "other.yaml"]) == 0
    assert not Path(old["svd"]).exists()
    assert Path(path(plan().recipes["a"]["svd"])).is_dir()
    assert housekeeping.unreferenced([plan("other.yaml")]) == []


def test_gc_deletes_blocks_that_outlived_their_jacobian(inside):
    """Their Snakemake was killed; blocks that wait for the others stay."""
    late, waiting = (Path(path(plan().recipes[run]["jacobian"])) / "columns-0-96.h5" for run in ("a", "b"))
    for block in (late, waiting):
        block.write_bytes(b"numbers")
    waiting.with_name("jacobian.h5").unlink()
    assert housekeeping.unreferenced([plan()]) == [late]
    assert cli.main(["gc", "--yes"]) == 0
    assert not late.exists()
    assert late.with_name("jacobian.h5").exists()
    assert waiting.exists()
