"""The report: what it says is what the artifacts say; it is one file, the same every time, and hides nothing."""

import base64
import copy
import html
import io
import json
import re
import shutil
from contextlib import chdir
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training_jacobian import report
from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import key, path
from training_jacobian.report import explorer, page
from training_jacobian.report.cells import table, text
from training_jacobian.stages import report as stage
from training_jacobian.workflow import report as planned_report
from training_jacobian.workflow.plan import plan
from training_jacobian.workflow.sections import REPORT

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Elements of a page: tag and attributes; text outside of scripts; whether tags are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements, self.words, self.open, self.scripts = [], [], [], {}
        self.feed(source)
        assert self.open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[self.elements[-1][1].get("id", "")] = data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def explored(self):
        return json.loads(self.scripts["explored"])


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


def test_the_explorer_shows_the_numbers_of_the_tables(smoke, made):
    assert list(made.explored) == ["smoke", "seed_1", "varied"]  # those with a dense SVD, in their order
    for run, each in made.explored.items():
        home = smoke.root / f"results/runs/{run}"
        table = pd.read_csv(home / "spectrum/directions.csv").set_index("index")
        shown = pd.DataFrame(each["directions"]).set_index("index")
        assert shown.index.is_monotonic_increasing
        for column in ("sigma", "distance_from_one", "cosine_uv"):
            np.testing.assert_allclose(shown[column].astype(float), table.loc[shown.index, column], rtol=1e-5)
        assert (shown["region"] == table.loc[shown.index, "region"]).all()
        assert (shown["exact"] == table.loc[shown.index, "exact"]).all()
        assert set(shown["region"]) == set(table["region"])
        assert shown["exact"].any()
        assert ("displacement" in shown) == (run == "smoke")
    moved = pd.read_csv(smoke.root / "results/runs/smoke/behaviour/displacement.csv").set_index("index")
    diverged = pd.read_csv(smoke.root / "results/runs/smoke/behaviour/divergence.csv").set_index(["index", "inputs"])
    for each in made.explored["smoke"]["directions"]:
        assert float(each["displacement"]) == pytest.approx(moved.loc[each["index"], "displacement"], rel=1e-5)
        for inputs, largest, mean in each["divergence"]:
            row = diverged.loc[each["index"], inputs]
            assert (float(largest), float(mean)) == pytest.approx((row["kl_max"], row["kl_mean"]), rel=1e-5)


def test_the_vectors_are_those_of_the_svd(smoke, made):
    """Red where a weight is positive, blue where it is negative; and shares of the parts of theta."""
    with h5py.File(smoke.root / "results/runs/smoke/svd/svd.h5") as file:
        sides = {"v": file["Vt"][()], "u": file["U"][()].T}
    assert made.explored["smoke"]["parts"] == ["Dense_0.bias", "Dense_0.kernel", "Dense_1.bias", "Dense_1.kernel"]
    for each in made.explored["smoke"]["directions"]:
        for side, rows in sides.items():
            vector = rows[each["index"] - 1]
            kernel = vector[2:130].reshape(64, 2)
            content = base64.b64decode(each[side]["picture"].removeprefix("data:image/png;base64,"))
            with Image.open(io.BytesIO(content)) as image:
                pixels = np.asarray(image.convert("RGB")).astype(int)
            assert pixels.shape == (8, 17, 3)
            for unit in range(2):
                redder = pixels[:, 9 * unit : 9 * unit + 8, 0] - pixels[:, 9 * unit : 9 * unit + 8, 2]
                weights = kernel[:, unit].reshape(8, 8)
                clear = np.abs(weights) > float(each[side]["scale"]) / 10
                assert np.array_equal(np.sign(redder[clear]), np.sign(weights[clear]))
            shares = [np.sum(vector[a:b] ** 2) for a, b in ((0, 2), (2, 130), (130, 140), (140, 160))]
            np.testing.assert_allclose(list(map(float, each[side]["shares"])), shares, rtol=1e-5, atol=1e-30)


def directions(chaotic, bulk, exact, stable):
    region = ["chaotic"] * chaotic + ["bulk"] * (bulk + exact) + ["stable"] * stable
    marked = [False] * (chaotic + bulk) + [True] * exact + [False] * stable
    return pd.DataFrame({"region": region, "exact": marked})


@pytest.mark.parametrize(
    "counts", [(700, 2700, 250, 1100), (1, 0, 0, 5000), (0, 3, 0, 0), (5, 100, 0, 5), (1, 1, 1, 1)]
)
def test_directions_of_each_region_are_chosen(counts):
    table = directions(*counts)
    found = explorer.chosen(table)
    assert len(found) == len(set(found)) <= explorer.MOST
    assert found[0] == 0
    shown = table.iloc[found]
    for region in set(table["region"]):
        assert (shown["region"] == region).any()
        first, last = np.flatnonzero(table["region"] == region)[[0, -1]]
        assert counts == (1, 0, 0, 5000) or {first, last} <= set(found)
    assert shown["exact"].any() == bool(counts[2])
    unknown = table.assign(exact=np.nan)  # where rounding hides them
    assert explorer.chosen(unknown)[0] == 0


def test_pictures_of_colours_lie_side_by_side():
    weights = np.zeros((12, 2))
    weights[4:8, 0] = 1  # the second of three planes of 2x2 pixels
    source, full = explorer.picture(weights, (3, 2, 2))
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape == (5, 6, 3)  # two tiles above each other
    assert full == 1
    red = pixels[..., 0] > pixels[..., 2] + 50
    assert red[:2, 2:4].all()
    assert red.sum() == 4


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
