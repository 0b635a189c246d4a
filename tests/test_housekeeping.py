"""status, verify and gc: what is there, what is damaged, what nobody needs."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from training_jacobian import cli
from training_jacobian.artifacts.address import home, path
from training_jacobian.artifacts.oserrors import ArtifactError
from training_jacobian.stages import STAGES
from training_jacobian.workflow import catalog, housekeeping, publish
from training_jacobian.workflow.plan import plan

CORE = (*STAGES, "spectrum")


@pytest.fixture
def inside(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return project


def problems():
    return [(each.kind, str(each.path)) for each in housekeeping.verify([plan()])]


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
    made = [(stage, file) for stage in CORE for file in catalog.files(stage)]
    return [*made, *((stage, "recipe.json") for stage in CORE), ("figures", "bird.pdf"), ("figures", "runs.csv")]


def test_what_an_older_version_left_is_found(inside, capsys):
    """Where it kept analyses, and an analysis that is no more; not a person's own folders."""
    old = Path("results/spectrum/0123456789ab")
    shutil.copytree(next(Path("results/analyses/spectrum").iterdir()), old)
    gone = Path("results/analyses/gone/0123456789ab")
    gone.mkdir(parents=True)
    Path("results/mine/notes").mkdir(parents=True)
    assert set(housekeeping.unreferenced([plan()])) == {old, gone}
    assert ("foreign", str(old)) in problems()
    assert cli.main(["gc", "--yes"]) == 0
    assert not old.exists()
    assert Path("results/mine/notes").exists()
    assert problems() == []


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_every_damage_is_found(inside, damage, capsys):
    for stage, file in files_of_every_stage():
        found = sorted(Path(home(stage)).glob(f"*/{file}"))[0]
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


def test_artifacts_without_checksums_cannot_be_checked(inside, capsys):
    spectrum = Path(path(plan().recipes["a"]["spectrum"]))
    (spectrum / "SHA256SUMS").unlink()
    next(Path("results/figures").glob("*/bird.png")).with_name("SHA256SUMS").unlink()
    assert {kind for kind, _ in problems()} == {"damaged"}
    assert cli.main(["verify"]) == 1
    assert f"damaged: {spectrum}/counts.csv: SHA256SUMS does not name it" in capsys.readouterr().out


ODD = {  # what may lie in the place of a file, or of a folder
    "nothing": lambda path: None,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a pipe": os.mkfifo,
    "no text": lambda path: path.write_bytes(b"\xff\xfe\0"),
    "other text": lambda path: path.write_text("[1]"),
    "deep": lambda path: path.write_text("[" * 100_000),
}


@pytest.mark.parametrize(("stage", "file"), [("svd", "svd.h5"), ("spectrum", "counts.csv")])
def test_whatever_lies_in_results_is_told(inside, stage, file):
    """In the place of each kind of file, and of folders: each command gets to its end."""
    folder, made = Path(path(plan().recipes["a"][stage])), plan()
    places = [folder / name for name in (file, "recipe.json", "SHA256SUMS")]
    places += [folder, folder.parent, Path("results/analyses"), Path("results/logs"), Path("results/recipes")]
    stages = len(list(housekeeping.status(made)))
    for place in places:
        place.rename("aside")
        for odd, make in ODD.items():
            make(place)
            told = {str(each.path)[: len(str(folder))] for each in housekeeping.verify([made])}
            affected = folder.is_relative_to(place) or place.parent == folder
            assert (str(folder) in told) == affected, (place, odd)
            assert len(list(housekeeping.status(made))) == stages
            assert housekeeping.unreferenced([made]) == []
            place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)
        Path("aside").rename(place)
    assert problems() == []  # negative control


def test_folders_that_cannot_be_read_are_told(inside, monkeypatch):
    folder = Path(path(plan().recipes["a"]["svd"]))
    real = Path.open

    def denied(self, *mode, **other):
        if self.parent == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self, *mode, **other)

    with monkeypatch.context() as patch:  # for root, too
        patch.setattr(Path, "open", denied)
        (found,) = housekeeping.verify([plan()])
    assert found.kind == "unreadable"
    assert "recipe.json: cannot be opened: Permission denied; have it allowed" in found.why


def test_links_are_deleted_not_what_they_lead_to(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    for name, target in {"folder": "kept", "nothing": "nowhere"}.items():
        (tmp_path / name).symlink_to(target)
    assert housekeeping.delete([tmp_path / "folder", tmp_path / "nothing", tmp_path / "gone"]) == []
    assert [each.name for each in tmp_path.rglob("*")] == ["kept", "file"]
    assert housekeeping.size(kept) == 4


def test_what_cannot_be_deleted_is_told_and_the_rest_is_deleted(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_text("x")
    real = Path.unlink

    def denied(self, missing_ok=False):
        if self.name == "a":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", denied)
    (told,) = housekeeping.delete([tmp_path / "a", tmp_path / "b"])
    assert told.startswith(f"{tmp_path}/a: cannot be deleted: Permission denied; have it allowed")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_publishing_touches_nothing_of_others(inside, monkeypatch):
    """A list of old figures that is damaged deletes nothing; what is in the way is named."""
    mine = Path("mine.txt")
    mine.write_text("mine")
    listed = b"0\nmine.txt\nresults/figs/../../mine.txt\nresults/figs/bird.csv\n\xff"
    Path("results/.published").write_bytes(listed)
    publish.publish(plan().wanted())
    assert mine.read_text() == "mine"
    assert publish.is_published(plan().wanted())
    link = Path("results/runs/a/svd")
    link.unlink()
    link.mkdir()
    with pytest.raises(ArtifactError, match=r"results/runs/a/svd: cannot be made: File exists; .* move it away"):
        publish.publish(plan().wanted())
    link.rmdir()
    publish.publish(plan().wanted())


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


def test_gc_looks_at_the_project_that_one_is_in(inside, tmp_path):
    """Not at that of a params file from elsewhere: as Snakemake, which would have computed it here."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "Snakefile").touch()
    (other / "x.yaml").write_text(Path("params.yaml").read_text().replace("{seed: 1}}", "{seed: 7}}"))
    old = Path(path(plan().recipes["b"]["svd"]))
    assert cli.main(["gc", "--params", "../other/x.yaml", "--yes"]) == 0
    assert not old.exists()
    assert Path(path(plan().recipes["a"]["svd"])).is_dir()
