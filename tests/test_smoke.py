"""The smoke preset: the whole workflow with all analyses, and what an edit of each of them recomputes."""

import json
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from conftest import ROOT, SMOKE, Project
from training_jacobian.artifacts import address
from training_jacobian.stages import STAGES
from training_jacobian.workflow import catalog

PUBLISH = {"report": 1, "publish": 1, "all": 1}


@pytest.fixture
def project(smoke, tmp_path) -> Project:
    return smoke.copy(tmp_path / "project")


# what is edited: (old, new, jobs); figures that show it are drawn again
EDITS = {
    "nothing": ("runs:", "runs:", {}),
    "sizes of the perturbation": ("stop: 1e3, num: 7", "stop: 1e2, num: 7", {"perturbation": 2, "responses": 1, "figure": 2, "table": 1, "summary": 1, **PUBLISH}),
    "size of the step": ("size: 1\n", "size: 2\n", {"behaviour": 1, "figure": 2, "summary": 1, **PUBLISH}),
    "dimensions of subspaces": ("stop: 160, num: 5", "stop: 150, num: 5", {"subspace": 1, "figure": 1, "summary": 1, **PUBLISH}),
    "a comparison added": ("data: [smoke, varied]", "data: [smoke, varied, seed_1]", {"angles": 1, "figure": 1, "summary": 1, **PUBLISH}),
    "threshold": ("1e-3, 1e-10]\n  bulk", "1e-4, 1e-10]\n  bulk", {"spectrum": 3, "figure": 2, "runs": 1, "summary": 1, **PUBLISH}),
    "analysis of another run": ("kind: displacement\n      runs: [smoke]", "kind: displacement\n      runs: [seed_1]", {"behaviour": 1, "figure": 1, "summary": 1, **PUBLISH}),
    "J - I of another run": ("kind: identity\n      runs: [smoke]", "kind: identity\n      runs: [smoke, seed_1]", {"identity": 1, "figure": 1, "runs": 1, "summary": 1, **PUBLISH}),
    "rank of the partial SVD": ("rank: 5", "rank: 6", {"triplets": 1, "density": 1, "responses": 1, "figure": 3, "runs": 1, **PUBLISH}),
    "steps of the density": ("steps: 40", "steps: 30", {"density": 1, "responses": 1, "figure": 2, **PUBLISH}),
    "pairs of the Hessian": ("pairs: 20", "pairs: 21", {"hessian": 1, "figure": 4, "runs": 1, "summary": 1, **PUBLISH}),
    "kinds of projected training": ("bulk, random, newton", "bulk, random", {"projected": 1, "figure": 1, "summary": 1, **PUBLISH}),
    "steps of both pictures": ("[0, 10]", "[0, 20]", {"joint": 1, "figure": 2, "summary": 1, **PUBLISH}),
    "thresholds of null models": ("1e-3, 1e-10]\n  dim", "1e-4, 1e-10]\n  dim", {"null_models": 1, "figure": 2, "summary": 1, **PUBLISH}),
    "font": ("font_size: 8", "font_size: 9", {"figure": 21, **PUBLISH}),
    "seed of the noise": ("labels: shuffled", "labels: shuffled\n      variant_seed: 1", {"data": 1, "train": 1, "columns": 2, "jacobian": 1, "svd": 1, "agreement": 1, "spectrum": 1, "angles": 1, "figure": 2, "runs": 1, "summary": 1, **PUBLISH}),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_only_what_is_affected(project, what):
    old, new, jobs = EDITS[what]
    project.edit(old, new)
    assert project.jobs() == Counter({rule: count for rule, count in jobs.items() if count})


# rules that are not called like what their jobs are told to do, and like the stage in the recipe
TOLD = {"figure": "figure", "table": "figure", "runs": "table", "summary": "summary", "report": "report"}
DRAWN = dict.fromkeys(TOLD, "figures")
MORE = """  own:
    initial: {name: file, path: start.npy}
  pictures:
    data: {name: mnist, train_size: 6400, test_size: 100}
"""


def planned(text):
    """Rule, what Snakemake says of it, and command of each job of a dry run."""
    for paragraph in text.split("\n\n"):
        if found := re.search(r"^(?:local)?rule (\w+):\n(.*)", paragraph, flags=re.MULTILINE | re.DOTALL):
            said = dict(re.findall(r"^    (\w+): (.*)$", found[2], flags=re.MULTILINE))
            said |= dict(re.findall(r"(\w+)=(\w[^,]*)", said.get("wildcards", "")))
            command = re.search(r"^Shell command: (.*)$", paragraph, flags=re.MULTILINE)
            yield found[1], said, shlex.split(command[1]) if command else []


def test_each_job_is_told_its_own_stage_recipe_and_address(tmp_path):
    """What is executed: a rule that is made in a loop sees the loop's last values where it is not careful."""
    params = SMOKE.replace("\nsweeps:", f"{MORE}\nsweeps:", 1)
    project = Project.create(tmp_path / "project", params)
    np.save(project.root / "start.npy", np.zeros(160))
    done = project.run("-n", "--printshellcmds", cores=8)
    assert done.returncode == 0, done.stderr
    rules = Counter()
    for rule, said, command in planned(done.stdout + done.stderr):
        rules[rule] += 1
        inputs, outputs = (said.get(each, "").split(", ") for each in ("input", "output"))
        log = ["--log", said.get("log")]
        if rule == "raw":
            assert command == ["python", "-m", "training_jacobian", "raw", *Path(outputs[0]).parts[-2:], *log]
        elif rule == "publish":
            assert command[:5] == ["python", "-m", "training_jacobian", "publish", "--wanted"]
            assert command[6:] == log
        elif rule != "all":
            made = json.loads((project.root / f"results/recipes/{said['key']}.json").read_text())
            assert address.key(made) == said["key"]
            assert made["stage"] == {"columns": "jacobian", **DRAWN}.get(rule, rule)
            assert {str(Path(out).parent) for out in outputs} == {address.path(made)}
            analysis, files = catalog.ANALYSES.get(rule), [each for each in inputs if each.startswith("data/raw/")]
            more = {
                "data": ["--raw", *files] if files else [],
                "train": ["--jax", *(["--theta", "start.npy"] if "start.npy" in inputs else [])],
                "columns": ["--jax", "--range", said.get("first"), said.get("last")],
                "jacobian": ["--blocks", *inputs],
            }.get(rule, ["--jax"] if analysis and analysis.jax else [])
            words = [TOLD.get(rule, rule), "--recipe", f"results/recipes/{said['key']}.json", "--out"]
            words += [*([address.path(made)] if analysis else outputs), *more, *log, "--threads"]
            assert command == ["python", "-m", "training_jacobian", "job", *words, said.get("threads", "1")]
    assert set(rules) == {"raw", *STAGES, "columns", *catalog.ANALYSES, *TOLD, "publish", "all"}
    assert rules["raw"] == 4
    assert rules["train"] == 5
    assert rules["columns"] == 4 * 2 + 17


def test_make_smoke(project):
    """The command of `make smoke`, planned: beside params.yaml's same runs its figures are published, its report made."""
    (project.root / "studies").mkdir()
    shutil.copy(ROOT / "studies/smoke.yaml", project.root / "studies")
    (command,) = [line.strip() for line in (ROOT / "Makefile").read_text().splitlines() if "figs/smoke/all" in line]
    options = shlex.split(command.removeprefix("snakemake"))
    done = project.run(*options, "-n")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(?:local)?rule (\w+):$", done.stdout + done.stderr, flags=re.MULTILINE) == [
        "report",
        "publish_smoke",
    ]


def test_everything_is_published(smoke):
    figures = {path.stem for path in (smoke.root / "results/figs").glob("*.png")}
    tables = {path.stem for path in (smoke.root / "results/figs").glob("*.csv")}
    assert figures == {
        "spectrum",
        "bird",
        "identity",
        "triplets",
        "density",
        "responses",
        "perturbation",
        "divergence",
        "displacement",
        "subspace_bulk",
        "angles",
        "pfj_overlap",
        "hessian_eigenvalues",
        "hessian_gradient",
        "hessian_overlap",
        "hessian_persistence",
        "projected",
        "joint_spaces",
        "joint_path",
        "null_spectra",
        "null_overlaps",
    }
    assert tables - figures == {"runs", "summary", "linearity", "pfj_nullity"}
    assert (smoke.root / "results/report.html").is_file()


def test_summary_is_of_the_runs_of_each_part(smoke):
    table = pd.read_csv(smoke.root / "results/figs/summary.csv")
    runs = table.groupby("part")["runs"].max()
    assert dict(runs) == {"paper": 2, "shuffled_labels": 1, "pfj": 1, "seeds": 1, "labels": 1}
    sigma = table.set_index("statement").loc["largest singular value"]
    both = pd.read_csv(smoke.root / "results/figs/runs.csv").set_index("run")["sigma_1"][["smoke", "seed_1"]]
    assert (sigma["ours"], sigma["mean"]) == pytest.approx((both["smoke"], both.mean()))
    assert sigma["verdict"] == "differs"  # another network, other numbers


def stage(smoke, name, file, run="smoke"):
    return pd.read_csv(smoke.root / f"results/runs/{run}/{name}/{file}")


def of_smoke(smoke):
    """Singular values of J - I, rising, from J itself."""
    return pd.read_csv(smoke.root / "results/runs/smoke/identity/sigma.csv")["sigma"].to_numpy()


def test_triplets_are_those_of_the_dense_svd(smoke):
    """The run `partial` is `smoke` without J."""
    assert not (smoke.root / "results/runs/partial/jacobian").exists()
    with h5py.File(smoke.root / "results/runs/smoke/svd/svd.h5") as file:
        S, Vt = file["S"][()], file["Vt"][()]
    of_difference = of_smoke(smoke)[::-1]
    with h5py.File(smoke.root / "results/runs/partial/triplets/triplets.h5") as file:
        np.testing.assert_allclose(file["J/S"], S[:5], rtol=1e-8)
        np.testing.assert_allclose(np.abs(np.sum(file["J/Vt"][()] * Vt[:5], axis=1)), 1, atol=1e-8)
        np.testing.assert_allclose(file["J_minus_identity/S"], of_difference[:5], rtol=1e-8)
    table = pd.read_csv(smoke.root / "results/figs/triplets.csv")
    published = table["run"] == "published"
    assert list(table.loc[published, "sigma"]) == [9, 5]
    assert table.loc[~published, "converged"].all()
    assert len(table) == 12
    left = [path.name for path in (smoke.root / "results/runs/partial/triplets").iterdir()]
    assert sorted(left) == ["SHA256SUMS", "recipe.json", "triplets.csv", "triplets.h5"]  # no products


def test_a_run_without_its_jacobian_is_in_the_table(smoke):
    runs = pd.read_csv(smoke.root / "results/figs/runs.csv").set_index("run")
    both = ["parameters", "test_loss", "test_accuracy", "train_loss", "sigma_1", "sigma_2", "sigma_3"]
    np.testing.assert_allclose(
        runs.loc["partial", both].astype(float), runs.loc["smoke", both].astype(float), rtol=1e-8
    )
    assert runs.loc["partial", "triplets"] == 5
    assert runs.loc["partial"].isna()["bulk_directions"]
    assert abs(runs.loc["seed_1", "sigma_1"] / runs.loc["smoke", "sigma_1"] - 1) > 1e-3  # another run, other numbers


def test_counts_are_those_of_the_dense_svd(smoke):
    counts = pd.read_csv(smoke.root / "results/figs/density.csv").set_index("threshold")
    S = of_smoke(smoke)
    answered = counts.dropna(subset="count")
    assert len(answered)
    for threshold, row in answered.iterrows():
        assert row["low"] <= (threshold > S).sum() <= row["high"]


def test_responses_are_those_of_the_dense_svd(smoke):
    """Along v_1 and the random direction, which `smoke` and `partial` share; and what `early_bulk` is."""
    tables = [pd.read_csv(smoke.root / f"results/figs/{name}.csv") for name in ("responses", "perturbation")]
    tables[1] = tables[1][tables[1]["run"] == "smoke"]
    for direction in ("top", "random"):
        without, dense = (each[each["direction"] == direction] for each in tables)
        small = without["size"].to_numpy() <= 0.01
        for column in ("sigma", "along", "predicted", "test_loss"):
            np.testing.assert_allclose(without[column].to_numpy()[small], dense[column].to_numpy()[small], rtol=1e-6)
    bulk = tables[0][tables[0]["direction"] == "early_bulk"]
    np.testing.assert_allclose(bulk["sigma"], 1, atol=1e-3)
    with h5py.File(smoke.root / "results/runs/partial/density/bulk.h5") as file:
        V, changed_by = file["V"][()], file["changed_by"][()]
    with h5py.File(smoke.root / "results/runs/smoke/jacobian/jacobian.h5") as file:
        J = file["J"][()]
    np.testing.assert_allclose(np.linalg.norm(J @ V - V, axis=0), changed_by, rtol=1e-4, atol=1e-9)
    assert changed_by.max() < 1e-2 < np.linalg.norm(J @ np.eye(len(J)) - np.eye(len(J)), axis=0).max()


def test_displacement_is_all_of_the_way(smoke):
    """The directions are an orthonormal basis: the squares add up to |theta_T - theta_0|^2."""
    with h5py.File(smoke.root / "results/runs/smoke/train/train.h5") as file:
        theta = file["theta"][()]
    found = stage(smoke, "behaviour", "displacement.csv")["displacement"]
    assert np.sum(found**2) == pytest.approx(np.sum((theta[-1] - theta[0]) ** 2), rel=1e-10)


def test_small_perturbations_are_predicted_and_large_ones_are_not(smoke):
    table = stage(smoke, "perturbation", "responses.csv")
    first = table[(table["size"] == table["size"].min()) & (table["direction"] != "stable")]
    assert np.allclose(first["along"], first["predicted"], rtol=2e-2)
    top = table[table["direction"] == "top"]
    assert abs(top["along"] / top["predicted"] - 1).max() > 0.5


def test_full_subspace_is_full_training(smoke):
    table = stage(smoke, "subspace", "losses.csv").set_index(["kind", "dimension"])["test_loss"]
    with h5py.File(smoke.root / "results/runs/smoke/train/train.h5") as file:
        full, untrained = file["epochs/test_loss"][-1], file["epochs/test_loss"][0]
    for kind in ("bulk", "complement", "chaotic", "stable", "random"):
        assert table[kind, 160] == pytest.approx(full, rel=1e-8)
    assert table["bulk", 5] == pytest.approx(untrained, rel=1e-6)  # inside the exact bulk nothing is learnt
    assert table["chaotic", 5] < table["bulk", 5] - 0.01


def test_random_subspaces_overlap_as_by_chance(smoke):
    table = pd.read_csv(smoke.root / "results/figs/angles.csv")
    assert len(table) == 2 * 2 * 4  # pairs, against bulk or random, dimensions
    assert set(table["exact_bulk"]) == {"kept"}
    last = table[table["dimension"] == 80].set_index(["comparison", "against"])["chance_corrected"]
    assert abs(last["seeds", "random"]) < 0.05
    assert last["seeds", "bulk"] > 0.2


def test_exact_part_of_the_pfj_is_counted(smoke):
    table = pd.read_csv(smoke.root / "results/figs/pfj_nullity.csv")
    noise = table[table["inputs"] == "white_noise"]
    assert (noise["nullity"] == 3).all()  # softmax gauge: 2 hidden units and the bias
    trivial = table["gauge"] + table["dead_inputs"] + table["rare_inputs"]
    assert (table["nullity"] >= trivial).all()


def test_recipes_lie_beside_all_tables(smoke):
    for name in ("perturbation", "behaviour", "subspace", "pfj"):
        described = json.loads((smoke.root / f"results/runs/smoke/{name}/recipe.json").read_text())
        assert described["recipe"]["stage"] == name
        assert described["dtype"] == "float64"
