"""Verdicts by the stated rule, from the tables of the stages."""

import math

import numpy as np
import pandas as pd
import pytest

from training_jacobian.artifacts import store
from training_jacobian.figures.papers import statements
from training_jacobian.figures.papers.belrose_scherlis import quantities
from training_jacobian.figures.papers.belrose_scherlis.statements import STATEMENTS
from training_jacobian.figures.papers.statements import Tables, around, judge


def spectrum(tmp_path, name, count):
    rows = [{"threshold": 0.1, "count_below": count}]
    store.write_csv(tmp_path / name / "counts.csv", pd.DataFrame(rows))
    directions = pd.DataFrame(
        {"index": [1, 2], "sigma": [20.469, 1], "distance_from_one": [19.5, 0], "cosine_uv": [0, 1]}
    )
    store.write_csv(tmp_path / name / "directions.csv", directions)
    return Tables({"spectrum": tmp_path / name})


def row(table, text):
    (found,) = table[table["statement"].str.startswith(text)].to_dict("records")
    return found


def test_table(tmp_path):
    runs = [spectrum(tmp_path, str(count), count) for count in (2950, 2960, 2970)]
    table = statements.table(STATEMENTS, {"paper": runs})
    found = row(table, "directions with |sigma - 1| < 0.1")
    assert (found["paper"], found["ours"], found["mean"], found["runs"]) == (2959, 2950, 2960, 3)
    assert found["standard_deviation"] == pytest.approx(10)
    assert found["verdict"] == "agrees"
    assert set(table["part"]) == {"paper"}  # no rows of parts without a run
    losses = table[table["statement"].str.startswith("test loss")]
    assert set(losses["verdict"]) == {"not computed"}
    assert set(losses["runs"]) == {0}


def test_verdict_changes_with_the_numbers(tmp_path):
    one = statements.table(STATEMENTS, {"paper": [spectrum(tmp_path, "a", 3100)]})
    assert row(one, "directions with |sigma - 1| < 0.1")["verdict"] == "differs"
    assert math.isnan(row(one, "directions with |sigma - 1| < 0.1")["mean"])  # one run has no error bar
    several = [spectrum(tmp_path, name, count) for name, count in {"b": 3100, "c": 3000, "d": 3200}.items()]
    assert (
        row(statements.table(STATEMENTS, {"paper": several}), "directions with |sigma - 1| < 0.1")["verdict"]
        == "agrees within seeds"
    )


def test_rule():
    statement = around("paper", "", "", 10, 1, lambda tables: 0.0)
    nan = float("nan")
    assert judge(statement, 11, nan, nan) == "agrees"
    assert judge(statement, 11.01, nan, nan) == "differs"
    assert judge(statement, 11.5, 11.4, 0.25) == "agrees within seeds"
    assert judge(statement, 11.5, 11.6, 0.25) == "differs"
    assert judge(statement, 8, 8.6, 0.25) == "agrees within seeds"
    assert judge(statement, nan, nan, nan) == "not computed"


@pytest.mark.parametrize(("bulk", "verdict"), [(2405, "agrees"), (4800, "agrees"), (2404, "differs")])
def test_a_bulk_of_most_directions_is_consistent(tmp_path, bulk, verdict):
    regions = ["chaotic"] * 5 + ["bulk"] * bulk + ["stable"] * (4805 - bulk)
    table = pd.DataFrame({"index": np.arange(4810) + 1, "region": regions, "distance_from_one": 0.0, "cosine_uv": 0.9})
    store.write_csv(tmp_path / "directions.csv", table)
    rows = statements.table(STATEMENTS, {"other_loss": [Tables({"spectrum": tmp_path})]})
    found = rows.set_index("statement")["verdict"]
    assert len(found) == 4
    assert found["consistent across losses: bulk directions"] == verdict
    assert found["consistent across losses: chaotic directions"] == "agrees"
    assert found["consistent across losses: stable directions"] == "agrees"
    assert found["mean cosine u_i . v_i where |sigma - 1| < 0.01"] == "differs"
    store.write_csv(tmp_path / "directions.csv", table.assign(region="bulk"))  # nothing learnt: no other region
    found = statements.table(STATEMENTS, {"other_loss": [Tables({"spectrum": tmp_path})]}).set_index("statement")[
        "verdict"
    ]
    assert found["consistent across losses: chaotic directions"] == "differs"
    assert found["consistent across losses: stable directions"] == "differs"


def behaviour(tmp_path, kl):
    directions = pd.DataFrame({"index": np.arange(1, len(kl) + 1), "inputs": "train", "kl_max": kl, "displacement": kl})
    directions = directions.assign(sigma=1.0, exact=directions["kl_max"] < 1e-20)
    store.write_csv(tmp_path / "divergence.csv", directions)
    store.write_csv(tmp_path / "displacement.csv", directions)
    return Tables({"behaviour": tmp_path})


def test_decades(tmp_path):
    """A valley of known depth, with an exact bulk in its middle that must not count."""
    kl = np.repeat([1e0, 1e-2, 1e-5, 1e-2, 1e-1], 40)
    kl[80:120:4] = 1e-25
    tables = behaviour(tmp_path, kl)
    assert quantities.decades("train", True)(tables) == pytest.approx(4)  # 1e-1 at the lower end, 1e-5 in the middle
    assert quantities.decades("train", False)(tables) == pytest.approx(5)
    assert quantities.displaced(True)(tables) == pytest.approx(1e-5)
    assert quantities.displaced(False)(tables) == pytest.approx(1e-1)
    assert math.isnan(quantities.decades("white_noise", False)(tables))  # not computed


def test_end_of_linearity(tmp_path):
    store.write_csv(tmp_path / "linearity.csv", pd.DataFrame({"direction": ["top", "bulk"], "ends_at": [0.05, np.nan]}))
    tables = Tables({"perturbation": tmp_path})
    assert quantities.linear_up_to("top")(tables) == 0.05
    assert quantities.linear_up_to("bulk")(tables) == math.inf
    assert math.isnan(quantities.linear_up_to("stable")(tables))
