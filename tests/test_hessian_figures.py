"""Pictures of Hessians, projected trainings, both pictures, null models: one run and several, and what is not there."""

import importlib
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from small import Small
from training_jacobian.analyses.hessian.compute import compute as hessian
from training_jacobian.analyses.joint.compute import compute as joint
from training_jacobian.analyses.null_models.compute import compute as null_models
from training_jacobian.analyses.projected.compute import compute as projected
from training_jacobian.workflow.catalog import KINDS

STYLE = {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 100}
NEW = [kind for kind, (analysis, each) in KINDS.items() if analysis in ("hessian", "projected", "joint", "null_models")]
DRAWN = [kind for kind in NEW if KINDS[kind][1].drawn]
RATE = {"name": "sgd", "learning_rate": 0.3, "momentum": 0.9}


def of_run(seed):
    """All tables of one run."""
    small = Small(optimizer=RATE, seed=seed)
    settings = {"pairs": 20, "every": 1, "spaces_every": 100, "tolerance": 1e-8, "products": 99, "seed": 0}
    made = hessian(small, settings)
    kinds = {"kinds": ["dominant", "newton"], "refresh": 2, "iterations": 1, "every": 5, "switch": 5 + seed, "seed": 0}
    made |= projected(small, kinds)
    made |= joint(small, {"checkpoints": [0], "bulk_tolerance": 0.1, "tolerance": 1e-8, "seed": 0})
    return made | null_models(small, {"thresholds": [0.1], "dimensions": {"start": 5, "stop": 60, "num": 3}})


@pytest.fixture(scope="module")
def tables():
    return [of_run(0), of_run(1)]


def shown(tables, kind, runs):
    return pd.concat([each[KINDS[kind][1].file].assign(run=f"run {i}") for i, each in enumerate(tables[:runs])])


def plot_of(kind):
    return importlib.import_module(f"training_jacobian.analyses.{KINDS[kind][0]}.figures").PLOTS[kind]


def drawn(kind, table):
    """The picture, and the texts of its legends."""
    plot = plot_of(kind)
    figure = plt.figure()
    plot.draw(figure, table.copy())
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    texts = [[text.get_text() for text in each.get_texts()] for each in legends]
    plt.close("all")
    plot.save(table.copy(), STYLE, {"png": (out := io.BytesIO())})
    return out.getvalue(), texts


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("kind", DRAWN)
def test_one_run_and_several(tables, kind, runs):
    table = shown(tables, kind, runs)
    content, texts = drawn(kind, table)
    assert content.startswith(b"\x89PNG")
    for each in texts:
        assert len(set(each)) == len(each), f"{kind}: the legend says one thing twice: {each}"
    if runs == 2 and not kind.startswith("null_spectra"):  # which is of the first run
        assert content != drawn(kind, shown(tables, kind, 1))[0]


def test_without_a_test_set_or_spaces(tables):
    table = shown(tables, "hessian_gradient", 2)
    assert table["f_top"].isna().any()  # spaces are seldom computed: checkpoints alone have one
    _, [whole] = drawn("hessian_overlap", table)
    _, [without] = drawn("hessian_overlap", table.assign(overlap_test=np.nan))
    assert set(whole) - set(without) == {"test gradient"}
    nothing = table.assign(f_top=np.nan, f_next=np.nan, f_random=np.nan, overlap_in_top=np.nan)
    for kind in ("hessian_gradient", "hessian_overlap"):
        assert drawn(kind, nothing)[0] != drawn(kind, table)[0]


def test_eigenvalues_that_have_not_converged_are_left_out(tables):
    table = shown(tables, "hessian_eigenvalues", 1)
    some = table.assign(converged=table["index"] <= 10)
    some.loc[some["index"] > 10, "eigenvalue"] = np.nan
    assert drawn("hessian_eigenvalues", some)[0] != drawn("hessian_eigenvalues", table)[0]
    none = table.assign(converged=False, eigenvalue=np.nan)
    assert drawn("hessian_eigenvalues", none)[0].startswith(b"\x89PNG")


def test_a_switch_that_never_came(tables):
    table = shown(tables, "projected", 1)
    plain = table[table["kind"] == "plain"].assign(switch=np.nan)
    content, texts = drawn("projected", plain)
    assert texts in ([], [["as it was"]])
    assert content != drawn("projected", table)[0]


def test_without_chaotic_directions(tables):
    table = shown(tables, "joint_spaces", 1)
    table.loc[table["region"] == "chaotic", ["share", "chance", "dimension"]] = 0
    assert drawn("joint_spaces", table)[0].startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", DRAWN)
def test_no_axis_ends_before_the_last_step(tables, kind):
    table = shown(tables, kind, 1)
    if "step" not in table:
        return
    figure = plt.figure()
    plot_of(kind).draw(figure, table)
    for axes in figure.axes:
        assert axes.get_xlim()[1] >= table["step"].max()
    plt.close("all")
