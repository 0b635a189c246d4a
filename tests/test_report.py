"""The report: what it says is what the artifacts say; it is one file, the same every time, and hides nothing."""

import base64
import copy
import html
import io
import re
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from page_of import Page
from training_jacobian import report
from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import key, path
from training_jacobian.report import page
from training_jacobian.report.cells import table, text
from training_jacobian.stages import report as stage
from training_jacobian.workflow import report as planned_report
from training_jacobian.workflow.plan import plan
from training_jacobian.workflow.sections import REPORT


@pytest.fixture(scope="module")
def planned(smoke):
    with chdir(smoke.root):
        return plan()


@pytest.fixture(scope="module")
def recipe(planned):
    return planned.figure(REPORT)


@pytest.fixture(scope="module")
def published(smoke):
    return (smoke.root / "results/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(published):
    return Page(published)


@pytest.fixture
def project(smoke, planned, recipe, tmp_path, monkeypatch):
    """A folder with the files that the report's job reads, and no other."""
    for file in planned_report.files(planned, recipe):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        for each in (Path(file).name, "recipe.json", "SHA256SUMS"):
            shutil.copy(smoke.root / Path(file).parent / each, (tmp_path / file).parent)
    monkeypatch.chdir(tmp_path)
    return copy.deepcopy(recipe)


def folder(recipe, **columns):
    return [Path(where) for said, where in recipe["inputs"] if columns.items() <= said.items()]


def test_same_bytes_from_the_files_it_declares(project, published):
    """Nothing of the surroundings, no time, no other file."""
    assert page.html(project) == page.html(project) == published
    assert str(Path.cwd()) not in published


READ = "runs.csv", "summary.csv", "bird.csv", "bird.png", "directions.csv", "displacement.csv", "svd.h5"


@pytest.mark.parametrize("name", READ)
def test_a_file_that_is_missing_or_damaged_is_told(project, planned, name):
    file = Path(next(each for each in planned_report.files(planned, project) if each.endswith(f"/{name}")))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(store.ArtifactError, match=f"{name}: damaged"):
        page.html(project)
    file.unlink()
    with pytest.raises(store.ArtifactError, match=f"{name}: missing"):
        page.html(project)


def test_it_is_one_file(published, made):
    """No address of anything outside but links that a person may follow, and none of another site."""
    assert len(published.encode()) < page.LIMIT
    for tag, attributes in made.elements:
        assert "srcset" not in attributes
        assert tag in ("a", "link") or "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
        assert not re.match("[a-z]+:", attributes.get("href", "")) or attributes["href"] == "data:,"
    (policy,) = [each["content"] for each in made.all("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_links_lead_to_artifacts_and_recipes(smoke, planned, made):
    links = [each["href"] for each in made.all("a") if not each["href"].startswith("#")]
    assert len(links) > 100
    for each in links:
        assert (smoke.root / "results" / each).exists(), each
    assert sum(each.endswith("recipe.json") for each in links) > len(planned.recipes)
    anchors = {each["href"][1:] for each in made.all("a") if each["href"].startswith("#")}
    assert anchors <= {attributes.get("id") for _, attributes in made.elements}


def test_links_of_a_study_lead_there_too(smoke, planned):
    with chdir(smoke.root):
        study = plan("params.yaml", study="other").figure(REPORT)
    assert study["parameters"]["up"] == "../../"
    assert key(study) != key(planned.figure(REPORT))


def test_it_says_first_what_a_stranger_asks(smoke, made):
    runs = pd.read_csv(smoke.root / "results/figs/runs.csv").set_index("run")
    assert f"{runs.loc['smoke', 'bulk_directions']:.0f} of the 160 directions of the run smoke are bulk" in made.text
    first = made.text[: made.text.index("The papers' statements")]
    for run in ("smoke", "seed_1", "varied"):
        for region in ("chaotic", "bulk", "stable"):
            assert f" {runs.loc[run, f'{region}_directions']:.0f} " in first
    assert re.search(r"agrees bulk shared by other seeds: overlap above chance, k near 1e3 \(seeds\)", first)


def test_a_changed_table_is_seen(project, made):
    (where,) = folder(project, figure="runs")
    table = pd.read_csv(where / "runs.csv")
    table.loc[table["run"] == "smoke", "bulk_directions"] = 77
    store.write_csv(where / "runs.csv", table)
    assert "77 of the 160 directions" in Page(page.html(project)).text
    assert "77 of the 160 directions" not in made.text


def test_all_statements_are_there_with_their_verdicts(smoke, made):
    statements = pd.read_csv(smoke.root / "results/figs/summary.csv")
    signs = dict.fromkeys(["agrees", "differs", "not computed"])
    for row in statements.itertuples():
        assert f"{row.verdict} {row.statement} {row.part} {text(row.ours)}".strip() in made.text
        signs.pop(row.verdict, None)
    assert not signs  # what was not computed is said, too


def test_every_figure_has_a_caption_and_an_alternative_text(planned, made):
    shown = {each["id"].removeprefix("figure-") for each in made.all("figure")}
    drawn = {name for name, suffixes in planned.figures().items() if ".png" in suffixes}
    assert shown == drawn
    assert len(made.all("img")) == len(drawn)
    alternatives = " ".join(each["alt"] for each in made.all("img"))
    for name in planned.figures():
        if name in drawn:
            assert f"Figure {name} of " in alternatives
            assert planned_report.caption(planned.params, name) in alternatives
        if name != REPORT and name != "summary":
            assert planned_report.caption(planned.params, name) in made.text


def test_pictures_are_those_published(smoke, made):
    for name, each in zip(made.all("figure"), made.all("img"), strict=True):
        content = base64.b64decode(each["src"].removeprefix("data:image/webp;base64,"))
        with (
            Image.open(io.BytesIO(content)) as shown,
            Image.open(smoke.root / f"results/figs/{name['id'].removeprefix('figure-')}.png") as drawn,
        ):
            assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(drawn.convert("RGB")))


def test_what_was_asked_is_there(made):
    for said in (
        "training.optimizer.learning_rate 0.1",
        "model.hidden [2]",
        "behaviour.size 1",
        "training-jacobian",
        "jax ",
    ):
        assert said in made.text
    assert "data.labels = shuffled" in made.text  # of one run
    assert "data.labels shuffled" not in made.text  # not of all


@pytest.mark.parametrize("cut", [50_000, 300_000])
def test_a_large_report_leaves_something_out_and_says_so(project, published, made, monkeypatch, cut):
    monkeypatch.setattr(page, "PICTURES", 200_000)
    monkeypatch.setattr(page, "LIMIT", len(published.encode()) - cut)
    smaller = page.html(project)
    assert len(smaller.encode()) <= page.LIMIT
    found = Page(smaller)
    left_out = len(made.all("img")) - len(found.all("img"))
    assert smaller.count("The picture is too large for this file") == left_out
    assert (left_out > 1) == (cut == 300_000)
    for run, each in found.explored.items():
        assert each["directions"][0]["index"] == 1
        assert len(each["directions"]) < len(made.explored[run]["directions"])


def test_the_engines_own_report(smoke, planned, tmp_path):
    """`snakemake --report`: each figure and table by its analysis, with its caption."""
    project = smoke.copy(tmp_path / "project")
    done = project.run("--report", "engine.html")
    assert done.returncode == 0, done.stderr
    told = html.unescape((project.root / "engine.html").read_text(encoding="utf-8"))
    assert "System Message" not in told  # of docutils
    for name in planned.figures():
        assert f"Adding {name}." in done.stdout + done.stderr
        assert planned_report.caption(planned.params, name) in told
        assert f'"{planned_report.heading(planned.params, name)}"' in told


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"


def test_hostile_names_are_text(project, made):
    asked = project["parameters"]
    asked["shared"].append([HOSTILE, HOSTILE])
    asked["source"] = asked["figures"]["bird"]["caption"] = asked["analyses"]["spectrum"] = HOSTILE
    asked["explorer"]["smoke"]["parts"][0][0] = HOSTILE
    (where,) = folder(project, figure="linearity")
    store.write_csv(where / "linearity.csv", pd.read_csv(where / "linearity.csv").assign(direction=HOSTILE))
    found = Page(page.html(project))
    assert "onerror" not in {name for _, attributes in found.elements for name in attributes}
    assert len(found.all("script")) == len(made.all("script"))
    assert len(found.all("img")) == len(made.all("img"))
    assert found.explored["smoke"]["parts"][0] == HOSTILE
    assert HOSTILE in found.text


def test_missing_pieces_are_said(project, made):
    said = "No run here has its whole Jacobian decomposed", "names no statements to check"
    assert not any(each in made.text for each in said)
    assert "Without a whole Jacobian, so not here: partial" in made.text
    asked = project["parameters"]
    asked["explorer"], asked["roles"], asked["tolerance"] = {}, [], None
    project["inputs"] = [each for each in project["inputs"] if each[0].get("figure") not in (None, "summary")]
    found = Page(page.html(project))
    assert all(each in found.text for each in said)
    assert found.explored == {}
    assert len(found.all("script")) == len(made.all("script")) - 1  # and no library that draws nothing


def test_runs_that_j_does_not_describe_are_marked(project, made):
    assert "not describe how training answers" not in made.text.replace("marks runs whose J does not describe", "")
    (where,) = folder(project, figure="runs")
    table = pd.read_csv(where / "runs.csv")
    table["describes_response"] = table["run"] != "seed_1"
    store.write_csv(where / "runs.csv", table)
    found = Page(page.html(project)).text
    assert "Careful: of seed_1 the Jacobian does not describe" in found
    assert "seed_1: J does not describe it" in found  # in the explorer
    marked = re.findall(r"J does not describe how training answers: ([^.]*)\.", found)
    assert set(marked) == {"seed_1"}
    assert len(marked) == sum("seed_1" in each["runs"] for each in project["parameters"]["figures"].values())


def test_an_edited_template_is_another_recipe(project, recipe, monkeypatch, tmp_path):
    monkeypatch.setattr(report, "digest", lambda: "another")
    with pytest.raises(RuntimeError, match="template was edited after the workflow was started"):
        stage.make(recipe, tmp_path / path(recipe) / "report.html")
    assert not (tmp_path / path(recipe)).exists()


def test_cells():
    shown = [
        text(value) for value in (1.0, 1 / 3, 1e-17, float("inf"), 12, np.int64(7), True, "x", None, np.nan, pd.NA)
    ]
    assert shown == ["1", "0.333333", "1e-17", "inf", "12", "7", "yes", "x", "", "", ""]
    long = table(pd.DataFrame({"index": range(1000)}), 50)
    assert (len(long["rows"]), long["rows"][0], long["rows"][-1], long["all"]) == (50, ["0"], ["999"], 1000)
    assert len(table(pd.DataFrame({"index": range(50)}), 50)["rows"]) == 50
