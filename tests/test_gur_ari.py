"""What the tables say of the statements of Gur-Ari et al. and Song et al., and that the verdicts follow the numbers."""

import numpy as np
import pandas as pd
import pytest

from training_jacobian.artifacts import store
from training_jacobian.figures.late import late
from training_jacobian.figures.papers.gur_ari import Summary
from training_jacobian.figures.papers.gur_ari.statements import STATEMENTS
from training_jacobian.figures.papers.statements import Tables, table


def gradient(overlap=0.95, f_top=0.97, last=0.001, least=0.1):
    steps = np.arange(0, 2001, 10)
    made = pd.DataFrame({"step": steps, "overlap": overlap, "f_top": f_top})
    made.loc[made["step"] == 0, "f_top"] = 0.6
    made.loc[made["step"] == 10, "f_top"] = least
    made.loc[made["step"] == 2000, ["f_top", "overlap"]] = [0.01, -1]  # no step is taken from the last state
    return made.assign(f_top_less_one=made["f_top"] - last)


def persistence(top, next_):
    rows = [{"first": 100, "second": second, "persistence": 1.0} for second in (100, 2000)]
    both = [pd.DataFrame(rows).assign(space=space) for space in ("top", "top_less_one", "next")]
    made = pd.concat(both)
    made.loc[made["second"] == 2000, "persistence"] = [top, top, next_]
    return made


def projected(dominant=1.0, bulk=1.0):
    ends = {"plain": 0.1, "dominant": 0.5 * dominant, "bulk": 0.1 * bulk, "random": 0.5}
    rows = [
        {"kind": kind, "step": step, "train_loss": loss, "test_loss": loss, "switch": 50}
        for kind, end in ends.items()
        for step, loss in ((0, 2.4), (50, 0.5), (100, end))
    ]
    return pd.DataFrame(rows)


def tables(folder, **files):
    for name, each in files.items():
        stage, file = name.split("__")
        store.write_csv(folder / stage / f"{file}.csv", each)
    return Tables({name.split("__")[0]: folder / name.split("__")[0] for name in files})


def of_hessian(folder, steps=None, kept=None):
    kept = persistence(0.8, 0.2) if kept is None else kept
    return tables(folder, hessian__gradient=gradient() if steps is None else steps, hessian__persistence=kept)


def verdicts(part, found):
    return table(STATEMENTS, {part: [found]}).set_index("statement")["verdict"]


@pytest.mark.parametrize(("overlap", "verdict"), [(0.95, "agrees"), (0.92, "differs"), (0.995, "differs")])
def test_table_1(tmp_path, overlap, verdict):
    found = verdicts("fc", of_hessian(tmp_path, gradient(overlap)))
    assert found["mean overlap(g, Hg) of the last 1000 steps"] == verdict


def test_the_last_state_is_no_step():
    assert late(gradient())["step"].tolist() == list(range(1000, 2000, 10))
    short = pd.DataFrame({"step": range(0, 11)})
    assert late(short)["step"].tolist() == [5, 6, 7, 8, 9]  # the second half


def test_f_top(tmp_path):
    found = verdicts("momentum", of_hessian(tmp_path / "a", gradient()))
    assert found["f_top at the start: not small"] == "agrees"
    assert found["f_top falls before it rises: least until step 20"] == "agrees"
    assert found["f_top after the schedule's tail"] == "agrees"
    assert found["what the k-th eigenvector adds to f_top late"] == "agrees"
    other = gradient(least=0.5, last=0.2)
    other.loc[other["step"] == 2000, "f_top"] = 0.9
    found = verdicts("momentum", of_hessian(tmp_path / "b", other))
    assert found["f_top falls before it rises: least until step 20"] == "differs"
    assert found["f_top after the schedule's tail"] == "differs"
    assert found["what the k-th eigenvector adds to f_top late"] == "differs"


def test_persistence(tmp_path):
    text = "persistence of the {} space from step 100 on"
    found = verdicts("sgd", of_hessian(tmp_path / "a", kept=persistence(0.8, 0.2)))
    assert (found[text.format("top")], found[text.format("next")]) == ("agrees", "agrees")
    found = verdicts("sgd", of_hessian(tmp_path / "b", kept=persistence(0.3, 0.9)))
    assert (found[text.format("top")], found[text.format("next")]) == ("differs", "differs")


@pytest.mark.parametrize(
    ("changed", "text", "verdict"),
    [
        ({}, "training loss in the top space, end / switch: stops", "agrees"),
        ({"dominant": 0.9}, "training loss in the top space, end / switch: stops", "differs"),
        ({}, "training loss out of the top space, end / SGD's", "agrees"),
        ({"bulk": 2}, "training loss out of the top space, end / SGD's", "differs"),
    ],
)
def test_projected(tmp_path, changed, text, verdict):
    assert verdicts("sgd", tables(tmp_path, projected__losses=projected(**changed)))[text] == verdict


def test_joint_and_null_models(tmp_path):
    shares = pd.DataFrame(
        [
            {"what": "top", "step": step, "side": "left", "region": region, "share": share}
            for step, region, share in (
                (0, "stable", 0.2),
                (625, "stable", 0.999),
                (0, "bulk", 0.5),
                (625, "bulk", 1e-5),
            )
        ]
    )
    counts = pd.DataFrame(
        [
            {"model": model, "threshold": limit, "count_below": count}
            for limit in (0.1, 0.01)
            for model, count in (("jacobian", 1000), ("summed", 1005 if limit > 0.05 else 1020))
        ]
    )
    overlaps = pd.DataFrame(
        [
            {"model": model, "side": side, "dimension": k, "chance_corrected": value - 0.1 * (k < 1500)}
            for k in (990, 2600)
            for model, side, value in (
                *(("jacobian", "left", 0.96), ("summed", "left", 0.94), ("summed", "right", 0.96)),
                *(("initial", "left", 0.6), ("initial", "right", 0.8)),
            )
        ]
    )
    of = tables(tmp_path, joint__spaces=shares, null_models__counts=counts, null_models__overlaps=overlaps)
    found = table(STATEMENTS, {"momentum": [of]}).set_index("statement")
    assert found.loc["last top space in J's left stable space", "verdict"] == "agrees"
    assert found.loc["last top space in J's left bulk", "verdict"] == "agrees"
    assert found.loc["exp(-sum w H): count below 0.1 off J's", "verdict"] == "agrees"
    assert found.loc["exp(-sum w H): count below 0.01 off J's", "verdict"] == "differs"
    assert found.loc["exp(-sum w H): overlap of bulks, beside J's own", "ours"] == pytest.approx(0.95 / 0.96)
    assert found.loc["initial Hessian: overlap of bulks, beside J's own", "verdict"] == "agrees"


def test_parts():
    made = Summary(statements="gur_ari", sgd=["a", "b"])
    assert (made.parts, made.pairs) == ({"sgd": ["a", "b"]}, {})
    assert {each.part for each in STATEMENTS} <= set(Summary.model_fields)  # no statement of a part that is none
