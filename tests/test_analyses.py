"""All declarations, on the finished smoke project: files as declared, damage caught, each kind drawn."""

import importlib
import io
import json
import shutil
from contextlib import chdir
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from training_jacobian.analyses import discovered
from training_jacobian.artifacts import store
from training_jacobian.artifacts.address import key, path
from training_jacobian.figures.frame import UNIT
from training_jacobian.stages import analysis as engine
from training_jacobian.workflow import catalog, housekeeping
from training_jacobian.workflow.catalog import ANALYSES, KINDS
from training_jacobian.workflow.plan import plan

NAMES = list(ANALYSES)
DRAWN = [kind for kind, (_, each) in KINDS.items() if each.drawn]
STYLE = {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 100}


@pytest.fixture(scope="module")
def planned(smoke):
    with chdir(smoke.root):
        return plan()


@pytest.fixture
def made(planned, smoke, request):
    """Recipe and folder of an analysis of the smoke project."""
    recipe = next(iter(planned.by_key[request.param].values()))
    return recipe, smoke.root / path(recipe)


def of_each(function):
    return pytest.mark.parametrize("made", NAMES, indirect=True)(function)


def test_what_comes_before_stands_before():
    order = list(discovered())
    for name, each in ANALYSES.items():
        assert each.after in catalog.STAGES or order.index(each.after) < order.index(name)
        assert set(each.inputs) <= {*catalog.ORDER}
    assert len(KINDS) == sum(len(each.kinds) for each in ANALYSES.values())  # no kind is of two analyses


def legible(caption: str) -> bool:
    """Sentences in plain words, which both HTML and reStructuredText show as they stand."""
    sentences = [each for each in caption.split(". ") if each]
    return (
        len(sentences) > 1
        and max(map(len, sentences)) < 200
        and caption.endswith(".")
        and not set(caption) & set("$\\*`<_")
    )


def test_each_kind_says_what_it_shows_and_how_to_read_it():
    for kind, (_, declared) in KINDS.items():
        assert legible(declared.caption), kind
    bad = ("", "Singular values", "Singular values. $\\sigma$ falls.", f"{'A long sentence ' * 20}. Another one.")
    assert not any(map(legible, bad))


@of_each
def test_files_are_as_declared(made):
    recipe, folder = made
    files = {each.name for each in folder.iterdir()}
    assert files == {*ANALYSES[recipe["stage"]].files, "recipe.json", "SHA256SUMS"}
    assert {each.file for each in ANALYSES[recipe["stage"]].kinds.values()} <= files
    described = json.loads((folder / "recipe.json").read_text())
    assert (described["recipe"], described["key"]) == (recipe, folder.name)
    with chdir(folder.parents[3]):
        assert list(housekeeping.check_folder(Path(path(recipe)))) == []


@of_each
def test_tables_say_something(made):
    recipe, folder = made
    for file in ANALYSES[recipe["stage"]].files:
        if file.endswith(".csv"):
            table = pd.read_csv(folder / file)
            assert len(table) > 1
            assert table.columns.is_unique
            assert not table.drop(columns="exact", errors="ignore").isna().all().any()


@of_each
def test_it_reads_what_it_declares_and_no_more(made, smoke, tmp_path):
    """Computed again where nothing but its inputs lies; without one of them an error names it."""
    recipe, folder = made
    name = recipe["stage"]
    inputs = list(dict.fromkeys(path(each) for each in _inputs(recipe, name)))
    for each in inputs:
        shutil.copytree(smoke.root / each, tmp_path / each)
    with chdir(tmp_path):
        engine.make(recipe, Path(path(recipe)))
        for file in ANALYSES[name].files:
            other = Path(
                path(recipe), file
            )  # last digits depend on threads and compilation, which are not those of jobs
            assert not file.endswith(".csv") or pd.read_csv(folder / file).shape == pd.read_csv(other).shape
            store.check(other)
        for each in inputs:
            shutil.move(each, f"{each}-away")
            with pytest.raises(store.ArtifactError, match=f"{each}/.*missing"):
                engine.make(recipe, Path(path(recipe)))
            shutil.move(f"{each}-away", each)


def _inputs(recipe, name):
    for each in (recipe, *recipe.get("with", [])):
        known = store.ancestors(each)
        yield from (known[stage] for stage in ANALYSES[name].inputs)


@of_each
def test_damage_is_caught_before_use(made, tmp_path):
    recipe, folder = made
    copy = tmp_path / path(recipe)
    shutil.copytree(folder, copy)
    for file in ANALYSES[recipe["stage"]].files:
        content = bytearray((copy / file).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / file).write_bytes(content)
        with pytest.raises(store.ArtifactError, match="damaged"):
            store.check(copy / file)
        with chdir(tmp_path):
            assert [each.path.name for each in housekeeping.check_folder(Path(path(recipe)))] == [file]
        content[len(content) // 2] ^= 1
        (copy / file).write_bytes(content)
        store.check(copy / file)


def shown(planned, smoke, kind):
    """A table of a kind of figure, of all that smoke has of it."""
    analysis, declared = KINDS[kind]
    tables = []
    for each in planned.by_key[analysis].values():
        runs = planned.runs_of[key(each)]
        columns = {"comparison": " and ".join(runs)} if ANALYSES[analysis].group else {"run": runs[0]}
        tables.append(pd.read_csv(smoke.root / path(each, declared.file)).assign(**columns))
    return pd.concat(tables)


def plot_of(kind):
    return importlib.import_module(f"training_jacobian.analyses.{KINDS[kind][0]}.figures").PLOTS[kind]


def drawn(plot, table, form="png") -> bytes:
    target = io.BytesIO()
    plot.save(table, STYLE, {form: target})
    return target.getvalue()


@pytest.mark.parametrize("kind", DRAWN)
def test_each_kind_is_drawn_with_the_same_bytes_and_shows_its_numbers(planned, smoke, kind):
    plot = plot_of(kind)
    table = plot.select(shown(planned, smoke, kind), {}).copy()
    for form, magic in {"pdf": b"%PDF", "png": b"\x89PNG"}.items():
        content = drawn(plot, table, form)
        assert content.startswith(magic)
        assert content == drawn(plot, table, form)
    numbers = [name for name in table if table[name].dtype.kind == "f" and name not in ("threshold", "size")]
    other = table.assign(**{name: table[name] * np.linspace(0.7, 0.9, len(table)) for name in numbers})
    assert drawn(plot, other) != drawn(plot, table)


@pytest.mark.parametrize("kind", DRAWN)
def test_each_kind_is_labelled(planned, smoke, kind):
    figure, plot = plt.figure(), plot_of(kind)
    plot.draw(figure, plot.select(shown(planned, smoke, kind), {}).copy())
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            assert axes.get_ylabel()
            continue
        assert axes.get_ylabel() or not axes.get_subplotspec().is_first_col()
        assert axes.get_xlabel() or not axes.get_subplotspec().is_last_row()
        assert axes.lines or axes.collections
    plt.close("all")


@pytest.mark.parametrize("kind", ["perturbation", "divergence", "subspace", "responses"])
def test_losses_have_their_unit(planned, smoke, kind):
    plot, table = plot_of(kind), shown(planned, smoke, kind)
    for unit in ("nats", ""):
        table.attrs[UNIT] = unit
        figure = plt.figure()
        plot.draw(figure, table)
        texts = [axes.get_ylabel() for axes in figure.axes]
        texts += [text for axes in figure.axes for text in axes.get_legend_handles_labels()[1]]
        assert any("(nats)" in text for text in texts) == bool(unit)
        plt.close("all")
