"""Studies: params files in studies/, asked for by name, whose figures never displace another's."""

import subprocess
import sys
from collections import Counter

import pytest

from conftest import ROOT, TINY, Project
from training_jacobian.workflow import studies
from training_jacobian.workflow.loading import ParamsError, load
from training_jacobian.workflow.plan import plan

OTHER = TINY.replace("{seed: 1}}", "{seed: 7}}").replace(
    "spectrum: {kind: spectrum, runs: [a]}", "other: {kind: spectrum, runs: [b]}"
)


@pytest.fixture(scope="module")
def both(finished, tmp_path_factory) -> Project:
    """The tiny project and a study that shares the run `a`, both computed."""
    project = finished.copy(tmp_path_factory.mktemp("studies") / "project")
    (project.root / "studies").mkdir()
    (project.root / "studies/other.yaml").write_text(OTHER)
    done = project.run("results/figs/other/all")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(both, tmp_path) -> Project:
    return both.copy(tmp_path / "project")


def planned(project: Project, *targets: str) -> Counter[str]:
    done = project.run("-n", *targets)
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    return Counter(
        line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith(("rule ", "localrule "))
    )


def command(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "training_jacobian", *words]
    return subprocess.run(
        arguments, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
    )


def test_its_figures_displace_none(finished, both):
    before = {
        name: content for name, content in finished.contents().items() if name.startswith(("figs/", "report", "runs/"))
    }
    after = both.contents()
    assert {name: after[name] for name in before} == before
    names = {path.name for path in (both.root / "results/figs/other").iterdir()}
    assert names == {"all", "runs.csv", "runs.json", "report.html"} | {
        f"{name}.{form}" for name in ("other", "uv_cosine", "bird") for form in ("csv", "pdf", "png")
    }
    assert planned(both) == planned(both, "results/figs/all", "results/figs/other/all") == Counter()


def test_what_it_shares_is_shared(both, project):
    """Of its three runs one is new; and an edit of it computes that alone."""
    trained = {path.name for path in both.root.glob("results/train/*")}
    assert len(trained) == 4
    links = [
        (both.root / f"results/{home}/svd").resolve()
        for home in ("runs/a", "studies/other/a", "runs/b", "studies/other/b")
    ]
    assert links[0] == links[1]
    assert links[2] != links[3]
    project.edit("{seed: 7}}", "{seed: 8}}", "studies/other.yaml")
    assert planned(project) == Counter()
    jobs = {
        "train": 1,
        "columns": 2,
        "jacobian": 1,
        "svd": 1,
        "agreement": 1,
        "spectrum": 1,
        "figure": 2,
        "runs": 1,
        "report": 1,
        "publish_other": 1,
    }
    assert planned(project, "results/figs/other/all") == jobs


def test_commands_know_all_studies(project):
    assert command(project, "verify").returncode == 0
    assert "0 files and folders" in command(project, "gc").stdout
    told = command(project, "gc", "--params", "params.yaml").stdout  # only that
    assert "results/svd/" in told
    status = command(project, "status").stdout
    assert "other: b" in status
    assert "missing" not in status
    (project.root / "results/figs/other/all").unlink()
    for table in project.root.glob("results/figures/*/other.csv"):
        table.unlink()
    assert "studies/other.yaml: not computed to its end" in command(project, "verify").stdout
    where = command(project, "path", "b", "svd", "--params", "studies/other.yaml").stdout.strip()
    assert (project.root / where).is_file()
    assert where != command(project, "path", "b", "svd").stdout.strip()


def test_a_run_of_a_study_is_found(project):
    project.edit("  b: {", "  mine: {", "studies/other.yaml")
    project.edit("runs: [b]", "runs: [mine]", "studies/other.yaml")
    told = command(project, "path", "mine").stderr
    assert "run 'mine' is of the study other: add --params studies/other.yaml" in told


def test_a_mistake_in_a_study_stops_that_study_alone(project):
    project.edit("epochs: 1", "epoch: 1", "studies/other.yaml")
    assert planned(project) == Counter()
    done = project.run("-n", "results/figs/other/all")
    assert done.returncode != 0
    assert (
        "studies/other.yaml: defaults.training: unknown key 'epoch'; did you mean 'epochs'?"
        in done.stdout + done.stderr
    )


def test_an_unknown_study_is_told(project):
    done = project.run("-n", "results/figs/othr/all")
    assert done.returncode != 0
    assert "there is no study 'othr' in studies/; did you mean 'other'?" in done.stdout + done.stderr


def test_what_a_command_line_asks_for():
    asked = studies.asked_for
    assert asked(["--cores", "2"]) == asked(["results/figs/all"]) == asked(["results/report.html"]) == set()
    assert asked(["results/figs/all", "./results/figs/a/all", "results/figs/b/bird.pdf"]) == {"a", "b"}
    assert asked(["results/train/0123456789ab/train.h5"]) is None  # of whatever study


def test_what_does_not_fit_stops_the_study_alone(project):
    project.edit("{seed: 7}}", "{seed: 7}, model: {hidden: [100000]}}", "studies/other.yaml")
    assert planned(project) == Counter()
    done = project.run("-n", "results/figs/other/all")
    assert done.returncode != 0
    assert "runs.b: " in done.stdout + done.stderr
    project.edit("{seed: 7}, model: {hidden: [100000]}}", "{seed: 7}}", "studies/other.yaml")
    project.edit("{seed: 1}}", "{seed: 1}, model: {hidden: [100000]}}")
    assert planned(project, "results/figs/other/all") == Counter()
    assert project.run("-n").returncode != 0


def test_a_file_by_its_key_asks_for_its_own_plan(project, monkeypatch):
    monkeypatch.chdir(project.root)
    plans = studies.Plans(plan(), None)
    main, other = plans.all
    assert plans.asked([]) == plans.asked(["results/figs/all"]) == plans.asked(["results/report.html"]) == [main]
    assert plans.asked(["results/figs/other/all"]) == [other]
    assert plans.asked(["results/figs/other/all", "results/figs/all"]) == [other, main]
    assert plans.asked([main.files("b", "train")[0]]) == [main]
    assert plans.asked([other.files("b", "train")[0]]) == [other]
    with pytest.raises(ParamsError, match="no run and no figure has the key 0123456789ab"):
        plans.asked(["results/train/0123456789ab/train.h5"])


def test_names_are_checked(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/My Study.yaml").write_text(TINY)
    with pytest.raises(ParamsError, match="a study's name has small letters, digits and _ only; rename the file"):
        studies.found(tmp_path)


def test_those_of_the_repository_are_right(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = studies.found()
    assert list(found) == sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
    assert {"lenet", "mlp_mnist", "smoke", "solvable", "tiny_subspace"} <= set(found)
    assert all(load(path).runs for path in found.values())
