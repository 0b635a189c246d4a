"""Addresses: what is in a recipe, and what is not."""

from pathlib import Path

import pytest

from conftest import ROOT, TINY
from training_jacobian.artifacts import address, digest
from training_jacobian.learning.datasets import digits
from training_jacobian.workflow import loading
from training_jacobian.workflow.plan import Plan, plan
from training_jacobian.workflow.recipe import of_group, recipe

CORE = ["data", "train", "jacobian", "svd", "agreement", "spectrum"]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Function from a change of the tiny params to its plan."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/theta0_seed0.npy").write_bytes((ROOT / "data/theta0_seed0.npy").read_bytes())
    monkeypatch.chdir(tmp_path)

    def make(old="", new=""):
        assert old in TINY
        Path("params.yaml").write_text(TINY.replace(old, new) if old else TINY)
        return Plan(loading.load())

    return make


def keys(plan, run="a"):
    return {stage: address.key(made) for stage, made in plan.recipes[run].items()}


def changed(before, after):
    return [stage for stage in before if before[stage] != after[stage]]


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        ("split_seed: 0", "split_seed: 1", ["data", "train", "jacobian", "svd", "agreement", "spectrum"]),
        ("learning_rate: 0.1", "learning_rate: 0.2", ["train", "jacobian", "svd", "agreement", "spectrum"]),
        ("hidden: [2]", "hidden: [3]", ["train", "jacobian", "svd", "agreement", "spectrum"]),
        ("bias_std: 0.125", "bias_std: 0.25", ["train", "jacobian", "svd", "agreement", "spectrum"]),
        ("bulk_tolerance: 0.1", "bulk_tolerance: 0.2", ["spectrum"]),
        ("font_size: 8", "font_size: 9", []),
        ("columns_per_job: 96", "columns_per_job: 5", []),
        ("test_size: 197,", "test_size: 197, stratify: false,", []),  # an option that is off is in no recipe
        ("momentum: 0.9", "momentum: 0.9, nesterov: false", []),
        ("momentum: 0.9", "momentum: 0.9, nesterov: true", ["train", "jacobian", "svd", "agreement", "spectrum"]),
    ],
)
def test_a_parameter_changes_what_reads_it(make, old, new, stages):
    assert changed(keys(make()), keys(make(old, new))) == stages


# of the runs `paper` and `paper_float32` of params.yaml: an address that changes costs every user the computation
ADDRESSES = {
    "paper": {
        "data": "8817b94d4037",
        "train": "c6382314e734",
        "jacobian": "10e73b19a33a",
        "svd": "acfac2e4fa10",
        "spectrum": "961b0040d6b9",
    },
    "paper_float32": {
        "data": "8817b94d4037",
        "train": "fa753bc71845",
        "jacobian": "a9801a1646da",
        "svd": "f2e7a736fe50",
        "spectrum": "eeaeb6f28abf",
    },
}


def test_addresses_stay(monkeypatch):
    """A change that is meant to give other numbers changes them here too, and says so in CHANGELOG.md."""
    monkeypatch.chdir(ROOT)
    made = Plan(loading.load())
    for run, addresses in ADDRESSES.items():
        assert {stage: keys(made, run)[stage] for stage in addresses} == addresses


def test_variants_change_data_and_what_follows(make):
    varied = make("b: {initial: {seed: 1}}", "b: {data: {labels: shuffled}}")
    assert changed(keys(varied, "a"), keys(varied, "b")) == CORE
    assert "stages.variants" in varied.recipes["b"]["data"]["code"]
    assert "stages.variants" not in varied.recipes["a"]["data"]["code"]
    assert keys(varied, "a") == keys(make(), "a")


def test_groups_are_of_runs_in_their_order(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = loading.load("studies/smoke.yaml")
    one, other = params.runs["smoke"], params.runs["varied"]
    made = of_group(params, [one, other], "angles")
    assert address.key(made) != address.key(of_group(params, [other, one], "angles"))
    assert made["with"] == [recipe(params, other, "svd")]
    digest.check_code(made)
    changed = {**made["with"][0], "code": {"stages.svd": "0" * 12}}
    with pytest.raises(RuntimeError, match=r"stages\.svd, or what it imports, was edited after"):
        digest.check_code({**made, "with": [changed]})


def test_runs_share_what_is_equal(make):
    plan = make("  c: {training: {dtype: float32}}", "  c: {initial: {seed: 0}}")
    assert keys(plan, "a") == keys(plan, "c")
    assert address.key(plan.recipes["a"]["data"]) == address.key(plan.recipes["b"]["data"])
    assert keys(plan, "a")["train"] != keys(plan, "b")["train"]


def test_theta_file_counts_by_content(make):
    section = "initial: {name: file, path: data/theta0_seed0.npy}\n  training:"
    big = ("initial: {name: random, seed: 0, bias_std: 0.125}\n  training:", section)
    text = TINY.replace("hidden: [2]", "hidden: [64]").replace("b: {initial: {seed: 1}}", "b: {}").replace(*big)
    Path("params.yaml").write_text(text)
    before = keys(Plan(loading.load()))
    Path("data/other_name.npy").write_bytes(Path("data/theta0_seed0.npy").read_bytes())
    Path("params.yaml").write_text(text.replace("theta0_seed0.npy", "other_name.npy"))
    assert keys(Plan(loading.load())) == before
    content = bytearray(Path("data/other_name.npy").read_bytes())
    content[-1] ^= 1
    Path("data/other_name.npy").write_bytes(content)
    assert changed(before, keys(Plan(loading.load()))) == ["train", "jacobian", "svd", "agreement", "spectrum"]


def test_files_of_a_data_set_are_those_of_the_project(make, tmp_path, monkeypatch):
    """A session may be anywhere, and have another file of that name there."""
    make()
    monkeypatch.setattr(digits, "FILES", ("mine.bin",), raising=False)
    Path("mine.bin").write_bytes(b"mine")
    before = keys(plan())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.bin").write_bytes(b"another's")
    monkeypatch.chdir(elsewhere)
    assert keys(plan(tmp_path / "params.yaml", tmp_path)) == before
    (tmp_path / "mine.bin").write_bytes(b"changed")
    assert changed(before, keys(plan(tmp_path / "params.yaml", tmp_path))) == list(before)


def test_code_edited_while_running_is_noticed(make):
    made = make().recipes["a"]["svd"]
    digest.check_code(made)
    with pytest.raises(
        RuntimeError, match=r"stages\.svd, or what it imports, was edited after the workflow was started"
    ):
        digest.check_code({**made, "code": {"stages.svd": "0" * 12}})
    before = {**made["from"], "code": {"stages.columns": "0" * 12}}  # code of an earlier stage runs in later ones too
    with pytest.raises(RuntimeError, match=r"stages\.columns, or what it imports, was edited after"):
        digest.check_code({**made, "from": before})
