"""`training-jacobian init`: a whole project in an empty folder, or nothing; from the wheel as from a clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from training_jacobian import cli
from training_jacobian.workflow import starting


def run(folder, *command, sources=ROOT / "src"):
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def made(tmp_path):
    starting.init(tmp_path / "made", "1.2.3")
    return tmp_path / "made"


def test_it_is_the_workflow_of_the_repository(made):
    found = content(made)
    assert set(found) == {*map(str, starting.files(ROOT)), "requirements.txt"}
    assert {"Snakefile", "workflow/rules/stages.smk", "studies/smoke.yaml", "data/theta0_seed0.npy"} <= set(found)
    assert {
        name for name, text in found.items() if not (ROOT / name).exists() or (ROOT / name).read_bytes() != text
    } == {
        "dvc.yaml",
        "requirements.txt",
    }
    assert found["requirements.txt"] == b"training-jacobian==1.2.3\n"


def test_its_results_have_the_addresses_of_the_repository(made):
    command = ("training_jacobian", "path", "paper")
    assert run(made, *command).stdout == run(ROOT, *command).stdout != ""
    (made / "params.yaml").write_text((made / "params.yaml").read_text().replace("0.9", "0.8"))  # negative control
    assert run(made, *command).stdout != run(ROOT, *command).stdout


def test_snakemake_plans_it(made):
    done = run(made, "snakemake", "-n", "results/figs/smoke/all")
    assert done.returncode == 0, done.stderr
    assert "rule publish_smoke:" in done.stdout + done.stderr


def test_dvc_depends_on_what_is_there(made):
    def missing(folder):
        stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].values()
        deps = {each for stage in stages for each in stage["deps"] if not each.startswith("results/")}
        return {each for each in deps if not (folder / each).exists()}

    assert missing(made) == set()
    shutil.copy(ROOT / "dvc.yaml", made)  # negative control
    assert missing(made) == {"src/training_jacobian"}
    templates = [
        plot["template"] for each in yaml.safe_load((made / "dvc.yaml").read_text())["plots"] for plot in each.values()
    ]
    assert all((made / f".dvc/plots/{name}.json").exists() for name in templates)


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (["notes.txt"], "notes.txt; name another folder, or move that away"),
        ([".dvc"], ".dvc; name"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, d, e and more; name"),
    ],
)
def test_what_is_in_the_way_is_named_and_nothing_changes(tmp_path, monkeypatch, capsys, there, told):
    monkeypatch.chdir(tmp_path)
    for name in there:
        (tmp_path / name).write_text("mine")
    before = content(tmp_path)
    assert cli.main(["init"]) == 1
    assert f"training-jacobian: . is not empty: {told}" in capsys.readouterr().err
    assert content(tmp_path) == before


def test_what_a_user_has_before_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".venv").mkdir()
    assert cli.main(["init"]) == 0
    assert capsys.readouterr().out.endswith("next: snakemake --cores all results/figs/smoke/all\n")
    assert (tmp_path / ".git").is_dir()
    assert cli.main(["init", "other place"]) == 0
    assert "next: cd 'other place' && snakemake" in capsys.readouterr().out
    assert cli.main(["init"]) == 1  # not twice


@pytest.mark.parametrize(("where", "what", "after"), [(shutil, "copyfile", 5), (Path, "rename", 3)])
def test_it_is_whole_or_not_there(tmp_path, monkeypatch, where, what, after):
    real, calls = getattr(where, what), []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise OSError(28, "No space left on device", str(tmp_path))
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(where, what, failing)
        with pytest.raises(OSError, match="No space"):
            starting.init(tmp_path, "1.2.3")
    assert list(tmp_path.iterdir()) == []
    starting.init(tmp_path, "1.2.3")  # negative control
    assert (tmp_path / "Snakefile").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked."""
    root = tmp_path_factory.mktemp("wheel")
    repository = root / "repository"
    names = ("src", "workflow", "profiles", "envs", "studies", "components", ".dvc", "setup.py", "pyproject.toml")
    for name in (*names, "README.md", "LICENSE", "MANIFEST.in", *map(str, starting.files(ROOT))):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "tmp", "cache")
            shutil.copytree(ROOT / name, repository / name, ignore=ignored, dirs_exist_ok=True)
        else:
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "..", "."]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = root.glob("*.whl")
    with zipfile.ZipFile(built) as file:
        file.extractall(root / "installed")
    return root / "installed"


def test_from_the_wheel_it_is_the_same(wheel, tmp_path, made):
    done = run(tmp_path, "training_jacobian", "init", "from wheel", sources=wheel)
    assert done.returncode == 0, done.stderr
    ours, theirs = content(made), content(tmp_path / "from wheel")
    assert ours.pop("requirements.txt") != theirs.pop("requirements.txt")
    assert ours == theirs
    command = ("training_jacobian", "path", "paper")
    assert run(tmp_path / "from wheel", *command, sources=wheel).stdout == run(ROOT, *command).stdout
    assert (wheel / "training_jacobian/py.typed").exists()


def test_a_package_without_them_says_so(wheel, tmp_path):
    shutil.copytree(wheel, tmp_path / "installed")
    shutil.rmtree(tmp_path / "installed/training_jacobian/project")
    done = run(tmp_path, "training_jacobian", "init", "made", sources=tmp_path / "installed")
    assert done.returncode == 1
    assert "project is missing: the package is not installed whole; install it again" in done.stderr
    assert not (tmp_path / "made").exists()
