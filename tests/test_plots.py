"""Every figure is drawn, says what it shows, and has the same bytes every time."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from training_jacobian import figures, spectrum, store, tables

STYLE = {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 100}


def table(exact):
    S = np.concatenate([np.linspace(20, 1.1, 50), np.ones(exact), np.linspace(0.9, 0, 40)])
    return spectrum.directions(np.eye(len(S)), S, np.eye(len(S)), 0.1)


TABLES, EXACT = {"one": table(10), "other": table(4)}, {"one": 10, "other": 4}


@pytest.mark.parametrize("kind", figures.KINDS)
def test_same_bytes_and_readable(kind, tmp_path):
    for name in ("a", "b"):
        figures.draw(kind, TABLES, EXACT, STYLE, {form: tmp_path / f"{name}.{form}" for form in ("pdf", "png")})
    for form, magic in {"pdf": b"%PDF", "png": b"\x89PNG"}.items():
        content = (tmp_path / f"a.{form}").read_bytes()
        assert content.startswith(magic)
        assert content == (tmp_path / f"b.{form}").read_bytes()
    assert plt.imread(tmp_path / "a.png").shape[1] == 330
    other = {**TABLES, "one": table(11)}
    figures.draw(kind, other, EXACT, STYLE, {"png": tmp_path / "c.png"})
    assert (tmp_path / "c.png").read_bytes() != (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("kind", figures.KINDS)
def test_labelled(kind):
    _, axes = plt.subplots()
    figures.KINDS[kind](axes, TABLES, EXACT)
    assert axes.get_xlabel() == "Index $i$"
    assert axes.get_ylabel()
    assert {"one", "other"} <= set(axes.get_legend_handles_labels()[1])
    plt.close("all")


def test_exact_bulk_is_marked_where_it_is():
    _, axes = plt.subplots()
    figures.bird(axes, TABLES, EXACT)
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (50.5, 60.5)
    lowest = min(line.get_ydata().min() for line in axes.lines)
    assert lowest == figures.FLOOR  # a distance of exactly 0 is drawn, not dropped
    plt.close("all")


def test_table_of_runs(tmp_path):
    for name, measured in {"one": 257, "other": None}.items():
        store.write_csv(
            tmp_path / name / "counts.csv", spectrum.counts(np.array([1.0, 0.5]), np.array([0.5, 0.0]), [0.1])
        )
        store.write_json(tmp_path / name / "summary.json", {"sigma_1": 1.5, "exact_bulk_measured": measured})
    tables.runs({name: tmp_path / name for name in ("one", "other")}).to_csv(tmp_path / "runs.csv", index=False)
    assert (tmp_path / "runs.csv").read_text().splitlines() == [
        "run,sigma_1,exact_bulk_measured,distance_from_one_below_0.1,sigma_minus_identity_below_0.1",
        "one,1.5,257,1,1",
        "other,1.5,,1,1",
    ]
