"""Figures whose details matter; that every kind is drawn, test_analyses.py holds."""

import importlib
import itertools
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from training_jacobian.analyses.behaviour import figures as of_behaviour
from training_jacobian.analyses.density import figures as of_density
from training_jacobian.analyses.spectrum import compute as spectrum
from training_jacobian.analyses.spectrum import figures as spectra
from training_jacobian.analyses.triplets import figures as triplets
from training_jacobian.artifacts import store
from training_jacobian.figures.frame import band
from training_jacobian.stages import table as table_of_runs
from training_jacobian.workflow.catalog import KINDS


def of_runs(table):
    return pd.concat([table.assign(run="one"), table.assign(run="other")])


def directions(exact=10):
    S = np.concatenate([np.linspace(20, 1.1, 50), np.ones(exact), np.linspace(0.9, 0, 40)])
    table = spectrum.directions(np.eye(len(S)), S, np.eye(len(S)), 0.1).assign(exact=S == 1)
    other = table.assign(distance_from_one=table["distance_from_one"] + 1e-9)
    return pd.concat([table.assign(run="one"), other.assign(run="other")])


def grid(**columns):
    """All combinations of the columns, and a made-up value for each row."""
    return pd.DataFrame(itertools.product(*columns.values()), columns=list(columns))


def example(kind):
    """A table such as the analyses write, of two runs or comparisons."""
    if kind == "triplets":
        table = grid(operator=["J", "J_minus_identity"], index=range(1, 20))
        sigma = (30 / table["index"]).where(table["index"] < 18)
        return of_runs(table.assign(sigma=sigma, bound=1e-9 * sigma))
    if kind == "subspace":
        table = grid(kind=["bulk", "complement", "chaotic", "stable", "random"], dimension=[10, 20, 30])
        return of_runs(table.assign(test_loss=1 / table["dimension"], test_accuracy=0.5))
    if kind == "angles":
        columns = {"comparison": ["seeds", "labels"], "exact_bulk": ["kept", "removed"], "against": ["bulk", "random"]}
        table = grid(**columns, dimension=[10, 20, 30])
        value = table["dimension"] / (30 + 10 * (table["exact_bulk"] == "kept"))
        return table.assign(mean_cosine=value, chance_corrected=value / 2)
    assert kind == "pfj_overlap"
    table = grid(
        state=["initial", "final"], inputs=["train", "test"], exact_bulk=["kept", "removed"], dimension=[10, 20]
    )
    random = grid(state=[np.nan], inputs=["random"], exact_bulk=["kept", "removed"], dimension=[10, 20])
    table = pd.concat([table, random])
    return of_runs(table.assign(mean_cosine=table["dimension"] / 20 - 0.1 * (table["exact_bulk"] == "kept")))


def plot(kind):
    return importlib.import_module(f"training_jacobian.analyses.{KINDS[kind][0]}.figures").PLOTS[kind]


def test_many_curves_leave_room_for_the_data():
    tables = [example("triplets").replace({"one": a, "other": b}) for a, b in (("a_16", "a_64"), ("b_16", "b_64"))]
    with plt.rc_context({"font.size": 8, "legend.fontsize": 7}):
        figure = plt.figure(figsize=(3.3, 2.3 * triplets.PLOTS["triplets"].height), layout="constrained")
        triplets.triplets(figure, pd.concat(tables))
        figure.draw_without_rendering()  # warns, which fails, if the legend of eight curves squeezes the panels
    assert figure.axes[0].get_position().height > 0.3
    assert (
        len({line.get_color() for line in figure.axes[0].lines} - {"k"}) == 8
    )  # J and J - I of each; black: published values
    plt.close("all")


def test_options_choose_what_is_shown():
    angles, losses = example("angles"), example("subspace")
    for kind, table in {"angles": angles, "pfj_overlap": example("pfj_overlap")}.items():
        assert set(plot(kind).select(table, {})["exact_bulk"]) == {"kept"}
        assert set(plot(kind).select(table, {"exact_bulk": "removed"})["exact_bulk"]) == {"removed"}
    chosen = plot("subspace").select
    assert set(chosen(losses, {"subspaces": ["bulk", "random"]})["kind"]) == {"bulk", "random"}
    assert len(chosen(losses, {})) == len(losses)
    found, published = example("triplets"), {"index": [1, 2], "sigma": [20.5, 3.0]}
    assert plot("triplets").select(found, {}) is found
    shown = plot("triplets").select(found, {"published": published})
    assert list(shown[shown["run"] == "published"]["sigma"]) == [20.5, 3]
    assert len(shown) == len(found) + 2


def test_a_run_may_be_called_published():
    table, figure = example("triplets").assign(run="published"), plt.figure()
    shown = plot("triplets").select(table, {"published": {"index": [1], "sigma": [20.5]}})
    triplets.triplets(figure, shown)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_ydata()) for line in crosses] == [[20.5]]
    plt.close("all")


def test_a_regression_has_no_panel_of_accuracy():
    for accuracy, panels in ((0.5, 2), (np.nan, 1)):
        figure = plt.figure()
        plot("subspace").draw(figure, example("subspace").assign(test_accuracy=accuracy))
        assert len(figure.axes) == panels
        assert figure.axes[-1].get_xlabel() == "Subspace dimension $k$"
    plt.close("all")


def test_nothing_is_drawn_of_a_training_that_has_diverged():
    """At 1e282, or infinity, axes have no ticks."""
    table = grid(run=["one"], direction=["top", "bulk", "stable", "random"], size=[0.1, 1, 10])
    table = table.assign(sigma=1.0, predicted=table["size"], along=table["size"], off=0.1, test_loss=1.0)
    diverged = table["size"] == 10
    for end, count in ((10.0, 3), (-1e282, 2), (np.inf, 2), (np.nan, 2)):
        figure = plt.figure()
        plot("perturbation").draw(figure, table.assign(along=table["along"].where(~diverged, end)))
        figure.draw_without_rendering()
        (along,) = [line for line in figure.axes[0].lines if line.get_label() == "along $u$"]
        assert np.isfinite(along.get_ydata()).sum() == count
    plt.close("all")


def test_exact_bulk_is_marked_where_it_is():
    figure = plt.figure()
    spectra.bird(figure, directions())
    (band,) = figure.axes[0].patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (50.5, 60.5)
    lowest = min(line.get_ydata().min() for line in figure.axes[0].lines)
    assert lowest == spectra.FLOOR  # a distance of exactly 0 is drawn, not dropped
    plt.close("all")


def test_exact_bulks_that_differ_are_bars_below_all_curves():
    wide, narrow = directions(exact=20), directions(exact=5)
    both = pd.concat([wide[wide["run"] == "one"], narrow[narrow["run"] == "one"].assign(run="three")])
    figure = plt.figure()
    spectra.bird(figure, both)
    bars = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert [list(bar.get_xdata()) for bar in bars] == [[50.5, 70.5], [50.5, 55.5]]
    heights = [spectra.FLOOR, *(bar.get_ydata()[0] for bar in bars), figure.axes[0].get_ylim()[0]]
    assert heights == sorted(set(heights), reverse=True)
    plt.close("all")


def test_exact_directions_are_grey_and_in_no_median():
    """As measured: what has sigma = 1 and turns is none."""
    table = pd.DataFrame({"run": "one", "index": range(1, 101), "sigma": 1.0, "displacement": 1.0})
    exact = table["index"].between(41, 60)
    table = table.assign(exact=exact, displacement=np.where(exact, 1e-6, 1.0))
    for marked, grey in ((table, 20), (table.assign(exact=np.nan), 0)):  # in float32 rounding hides it
        figure = plt.figure()
        of_behaviour.displacement(figure, marked)
        lines = {line.get_label(): line for line in figure.axes[0].lines}
        assert len(lines["exact bulk"].get_xdata() if grey else ()) == grey
        assert ("exact bulk" in lines) == bool(grey)
        medians = lines["medians in 20 bins"].get_ydata()
        assert (len(medians), medians.min()) == ((16, 1.0) if grey else (20, 1e-6))
    plt.close("all")


def test_band_is_mean_and_range():
    axes = plt.figure().subplots()
    band(axes, pd.DataFrame({"x": [1, 1, 1, 2, 2, 2], "y": [0, 1, 5, 1, 1, 1]}), "x", "y")
    assert list(axes.lines[0].get_ydata()) == [2, 1]
    corners = axes.collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners} == {(1, 0), (1, 5), (2, 1)}
    plt.close("all")


def test_table_of_runs(tmp_path):
    folders = {name: tmp_path / "analyses/spectrum" / name for name in ("one", "other")}
    for measured, folder in zip((257, None), folders.values(), strict=True):
        store.write_csv(folder / "counts.csv", spectrum.counts(np.array([1.0, 0.5]), [0.1]))
        store.write_json(folder / "summary.json", {"sigma_1": 1.5, "exact_bulk_measured": measured})
    of_difference = tmp_path / "analyses/identity/one"
    store.write_csv(of_difference / "sigma.csv", pd.DataFrame({"index": [1, 2], "sigma": [0.0, 0.5]}))
    made = [("one", folders["one"]), ("one", of_difference), ("other", folders["other"])]
    inputs = [[{"run": run}, str(folder)] for run, folder in made]
    settings = {"spectrum": {"thresholds": [0.1]}}
    recipe = {"stage": "figures", "parameters": {"settings": settings}, "inputs": inputs, "code": {}}
    table_of_runs.make(recipe, [tmp_path / "runs.csv", tmp_path / "runs.json"])
    assert (tmp_path / "runs.csv").read_text().splitlines() == [
        "run,sigma_1,exact_bulk_measured,distance_from_one_below_0.1,sigma_minus_identity_below_0.1",
        "one,1.5,257,1,1",
        "other,1.5,,1,",
    ]
    records = json.loads((tmp_path / "runs.json").read_text())
    assert list(records) == ["one", "other"]
    assert (records["one"]["exact_bulk_measured"], records["other"]["exact_bulk_measured"]) == (257, None)


@pytest.mark.parametrize(("least", "most"), [(40, 210), (2, 150), (1, 4000)])
def test_counts_have_labels(least, most):
    """Whether they span less than a decade, a few, or many."""
    counts = 5000 - np.array([most, least])
    table = pd.DataFrame({"run": "one", "threshold": [30, 100], "parameters": 5000, "count": counts})
    figure = plt.figure()
    of_density.density(figure, table.assign(low=counts, high=counts))
    figure.canvas.draw()
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    shown = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert sum(bool(label.get_text()) for tick, label in shown if low <= tick <= high) >= 3
    plt.close("all")
