"""Sweeps: values to vary, expanded into named runs, told in every table."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from conftest import TINY, Project
from training_jacobian.artifacts.address import key
from training_jacobian.figures import scatter
from training_jacobian.workflow import loading
from training_jacobian.workflow.loading import ParamsError
from training_jacobian.workflow.plan import plan

RATES = "sweeps: {rate: {base: b, vary: {training.optimizer.learning_rate: [0.1, 0.2]}}}\ncompute:"
GRID = "sweeps: {grid: {vary: {training.optimizer.learning_rate: [0.1, 0.2], model.hidden: [[2], [3], []]}}}\ncompute:"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Function from changes of the tiny params to what is loaded."""
    monkeypatch.chdir(tmp_path)

    def load(*changes):
        text = TINY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "params.yaml").write_text(text)
        return loading.load()

    return load


def test_runs_of_a_base(load):
    made = load(("compute:", RATES))
    assert list(made.runs) == ["a", "b", "c", "rate_1", "rate_2"]
    assert [made.runs[f"rate_{i}"].training.optimizer.learning_rate for i in (1, 2)] == [0.1, 0.2]
    assert made.runs["rate_1"].initial.seed == 1
    assert made.runs["rate_1"] == made.runs["b"]
    planned = plan()
    assert key(planned.recipes["rate_1"]["svd"]) == key(planned.recipes["b"]["svd"])  # nothing is computed twice
    assert key(planned.recipes["rate_2"]["svd"]) != key(planned.recipes["b"]["svd"])


def test_all_combinations_or_together(load):
    made = load(("compute:", GRID))
    names = [f"grid_{i}" for i in range(1, 7)]
    found = [(made.runs[name].training.optimizer.learning_rate, made.runs[name].model.hidden) for name in names]
    assert found == [(0.1, [2]), (0.1, [3]), (0.1, []), (0.2, [2]), (0.2, [3]), (0.2, [])]
    assert made.varied("grid_2") == {"learning_rate": 0.1, "hidden": 3}
    assert made.varied("grid_3") == {"learning_rate": 0.1, "hidden": "[]"}
    assert made.varied("a") == {}
    paired = GRID.replace("[[2], [3], []]", "[[2], [3]], initial.seed: [5, 6]").replace("}}}", "}, together: true}}")
    made = load(("compute:", paired))
    assert [name for name in made.runs if name.startswith("grid")] == ["grid_1", "grid_2"]
    assert made.varied("grid_2") == {"learning_rate": 0.2, "hidden": 3, "seed": 6}


def test_columns_of_one_last_word_have_two(load):
    vary = "initial.seed: [1, 2], order: [{name: stored}, {name: shuffled, seed: 3}]"
    made = load(("compute:", f"sweeps: {{s: {{vary: {{{vary}}}}}}}\ncompute:"))
    assert made.varied("s_2") == {"seed": 1, "order": "{'name': 'shuffled', 'seed': 3}"}
    assert made.runs["s_2"].order.name == "shuffled"
    vary = "initial.seed: [1, 2], order.seed: [3]"
    changes = [("compute:", f"sweeps: {{s: {{base: d, vary: {{{vary}}}}}}}\ncompute:")]
    made = load(*changes, ("  a: {}", "  a: {}\n  d: {order: {name: shuffled, seed: 0}}"))
    assert made.varied("s_2") == {"initial_seed": 2, "order_seed": 3}


def test_figures_name_the_sweep(load):
    made = load(("compute:", RATES), ("spectrum, runs: [a]", "spectrum, runs: [a, rate]"))
    assert made.plotted("spectrum") == ["a", "rate_1", "rate_2"]
    assert made.plotted("bird") == ["a", "b", "c", "rate_1", "rate_2"]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("{vary: {training.optimizer.learning_rate: []}}", "sweeps.s: vary.training.optimizer.learning_rate is empty; give values"),
        ("{vary: {}}", "sweeps.s.vary: Dictionary should have at least 1 item"),
        ("{base: z, vary: {initial.seed: [1]}}", "sweeps.s.base = 'z': no such run; allowed: 'a', 'd', 'b', 'c'"),
        ("{vary: {initial.sed: [1]}}", "runs.s_1.initial: unknown key 'sed'; did you mean 'seed'?"),
        ("{vary: {initial.seed: [-1]}}", "runs.s_1.initial.seed = -1: Input should be greater than or equal to 0"),
        ("{base: d, vary: {initial.seed.x: [1]}}", "sweeps.s.vary.initial.seed.x: 'x' lies inside of 1, which is no mapping"),
        ("{vary: {initial.seed: [1, 2], training.epochs: [1]}, together: true}", "together: lists must be of one length, not initial.seed 2, training.epochs 1"),
        ("{vary: {initial.seed: [1]}, togther: true}", "sweeps.s: unknown key 'togther'; did you mean 'together'?"),
        ("{vary: {initial.seed: 1}}", "sweeps.s.vary.initial.seed = 1: Input should be a valid list"),
    ],
)  # fmt: skip
def test_mistakes_are_told(load, sweep, message):
    with pytest.raises(ParamsError) as refused:
        load(("compute:", f"sweeps: {{s: {sweep}}}\ncompute:"), ("  a: {}", "  a: {}\n  d: {initial: {seed: 1}}"))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  a: {}", "  a: {}\n  rate: {}", "sweeps.rate: there is a run of that name; rename one"),
        ("  a: {}", "  a: {}\n  rate_2: {}", "sweeps.rate: its run 'rate_2' is there already; rename one"),
    ],
)
def test_names_are_taken_once(load, old, new, message):
    with pytest.raises(ParamsError, match=message):
        load(("compute:", RATES), (old, new))


@pytest.mark.engines
def test_every_table_tells_what_was_varied(finished, tmp_path):
    project: Project = finished.copy(tmp_path / "project")
    project.edit("spectrum:\n", RATES.replace("0.2]", "0.2]").replace("compute:", "spectrum:\n"), "params.yaml")
    project.edit("bird, runs: all", "bird, runs: [a, rate]")
    project.compute()
    for name in ("runs", "bird"):
        table = pd.read_csv(project.root / f"results/figs/{name}.csv")
        rates = table.groupby("run")["learning_rate"].first()
        assert (rates["rate_1"], rates["rate_2"]) == (0.1, 0.2)
        assert pd.isna(rates["a"])
    runs = pd.read_csv(project.root / "results/figs/runs.csv").set_index("run")
    assert runs.loc["rate_1", "sigma_1"] == runs.loc["b", "sigma_1"] != runs.loc["rate_2", "sigma_1"]


@pytest.mark.engines
def test_figures_of_the_table_of_runs(finished, tmp_path):
    """A varied parameter as x, another as colour, a third as panels; drawn again when they change, by name only."""
    project: Project = finished.copy(tmp_path / "project")
    vary = "training.optimizer.learning_rate: [0.1, 0.2], initial.seed: [0, 1]"
    project.edit("compute:", f"sweeps: {{s: {{vary: {{{vary}}}}}}}\ncompute:")
    figure = "{kind: runs, runs: [s], x: learning_rate, y: sigma_1, color: seed}"
    project.edit("bird: {kind: bird, runs: all}", f"rates: {figure}")
    project.compute()
    table = pd.read_csv(project.root / "results/figs/rates.csv")
    assert list(table["learning_rate"]) == [0.1, 0.1, 0.2, 0.2]
    assert list(table["seed"]) == [0, 1, 0, 1]
    runs = pd.read_csv(project.root / "results/figs/runs.csv").set_index("run")
    assert list(table["sigma_1"]) == list(runs.loc[table["run"], "sigma_1"])
    assert (project.root / "results/figs/rates.pdf").read_bytes().startswith(b"%PDF")
    assert project.jobs() == {}
    project.edit("color: seed", "panels: seed")
    assert project.jobs() == {"scatter": 1, "report": 1, "publish": 1, "all": 1}
    project.edit("y: sigma_1", "y: tset_loss")
    done = project.run()
    assert done.returncode != 0
    told = "y = 'tset_loss' is no column of the table of runs; did you mean 'test_loss'?"
    assert told in done.stdout + done.stderr


def test_each_value_has_its_panel_and_colour():
    table = pd.DataFrame({"run": list("abcd"), "rate": [2, 1, 1, 2], "sigma": [4, 3, 5, 6.0], "seed": [0, 0, 1, 1]})
    table.attrs["options"] = {"x": "rate", "y": "sigma", "panels": "seed", "log": ["y"]}
    figure = Figure()
    scatter.scatter(figure, table)
    lines = [axes.lines[0] for axes in figure.axes]
    assert [list(line.get_xdata()) for line in lines] == [[1, 2], [1, 2]]
    assert [list(line.get_ydata()) for line in lines] == [[3, 4], [5, 6]]
    assert [axes.get_title() for axes in figure.axes] == ["seed = 0", "seed = 1"]
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    table.attrs["options"] = {"x": "rate", "y": "sigma", "color": "seed"}
    figure = Figure()
    scatter.scatter(figure, table)
    assert [line.get_label() for line in figure.axes[0].lines] == ["seed = 0", "seed = 1"]
