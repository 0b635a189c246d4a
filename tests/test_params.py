"""params.yaml: what is refused, and in which words."""

import re

import numpy as np
import pytest

from conftest import ROOT, TINY
from mistakes import ANGLES, BAD, BIRD, NULL, PARTIAL
from training_jacobian.workflow import fits, loading, plan
from training_jacobian.workflow.loading import ParamsError


@pytest.fixture
def file(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/theta0_seed0.npy").write_bytes((ROOT / "data/theta0_seed0.npy").read_bytes())
    (tmp_path / "data/zip.npy").write_bytes(b"PK\x03\x04")
    (tmp_path / "data/empty.npy").write_bytes(b"")
    np.save(tmp_path / "data/pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    with (tmp_path / "data/absurd.npy").open("wb") as absurd:
        np.lib.format.write_array_header_1_0(absurd, {"descr": "<f8", "fortran_order": False, "shape": (10**30,)})
    np.save(tmp_path / "data/nan.npy", np.full(160, np.nan))
    (tmp_path / "params.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("what", BAD)
def test_refused(file, what):
    old, new, message = BAD[what]
    assert old in TINY
    file.write_text(TINY.replace(old, new))
    with pytest.raises(ParamsError) as refused:
        loading.load()
    assert re.search(message, str(refused.value)), str(refused.value)
    assert all(line.startswith("params.yaml: ") for line in str(refused.value).splitlines())


ADAM = "{name: adam, learning_rate: 0.001, b1: 0.9, b2: 0.999, eps: 1e-8, eps_root: 1e-8}"


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (f"optimizer: {ADAM}", "run 'a': its null models are of SGD, and its optimizer is 'adam'; choose another run"),
        ("optimizer: {weight_decay: 0.5}", "run 'a': null models have no weight decay, and it has 0.5; choose another"),
        ("clip_norm: 2", "run 'a': null models clip no gradient, and its clip_norm does; choose another run"),
        ("optimizer: {nesterov: true}", None),
    ],
)
def test_null_models_are_of_sgd(file, training, message):
    text = TINY.replace("a: {}", f"a: {{training: {{{training}}}}}")
    file.write_text(text.replace(BIRD, "{kind: null_spectra, runs: [a]}\n" + NULL))
    if message is None:
        assert loading.load().runs["a"].training.optimizer.nesterov
        return
    with pytest.raises(ParamsError, match=re.escape(message)):
        loading.load()


@pytest.mark.parametrize(
    ("kind", "operators", "steps", "message"),
    [
        ("responses", "[J_minus_identity]", 40, "run 'b': svd.operators lacks 'J', whose v_1 it needs; add it"),
        ("density", "[J, J_minus_identity]", 156, "run 'b': density.steps = 156 are too many; lower it"),
        ("responses", "[J]", 156, "run 'b': density.steps = 156 are too many; lower it"),
        ("responses", "[J]", 40, "there is no section 'perturbation' to tell how; add it"),
    ],
)
def test_density_and_responses_need_triplets_and_room(file, kind, operators, steps, message):
    text = TINY.replace("b: {initial: {seed: 1}}", f"b: {PARTIAL.replace('[J]', operators)}")
    density = f"density: {{thresholds: [0.1], probes: 2, steps: {steps}, seed: 0}}\n"
    if "no section" not in message:
        density += (
            "perturbation: {sizes: {start: 1, stop: 2, num: 2}, bulk_tolerance: 0.1, linear_tolerance: 0.1, seed: 0}\n"
        )
    file.write_text(text.replace(BIRD, f"{{kind: {kind}, runs: [b]}}\n" + density))
    with pytest.raises(ParamsError, match=re.escape(message)):
        loading.load()


def test_file_that_may_not_be_read(file, monkeypatch):
    """As of another user, or on a disk that fails: told as what it is, whoever runs the tests."""
    for error in (PermissionError(13, "Permission denied"), OSError(5, "Input/output error")):

        def refuse(*_, error=error, **__):
            raise error

        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.open", refuse)
            with pytest.raises(ParamsError, match=rf"params\.yaml: {error.strerror}; "):
                loading.load()
        file.write_text(
            TINY.replace("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/theta0_seed0.npy}}")
        )
        with monkeypatch.context() as patched:
            patched.setattr("numpy.lib.format.read_array", refuse)
            with pytest.raises(ParamsError, match=rf"theta0_seed0\.npy': {error.strerror}; give a \.npy file"):
                loading.load()


def test_only_so_many_mistakes_are_told_at_once(file):
    file.write_text(TINY.replace("hidden: [2]", f"hidden: {[0] * 99}"))
    with pytest.raises(ParamsError) as refused:
        loading.load()
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "params.yaml: and 79 mistakes more")


def test_comparison_with_weight_decay_is_refused(file):
    """Nothing stays as it is there."""
    decayed = TINY.replace("b: {initial: {seed: 1}}", "b: {training: {optimizer: {weight_decay: 0.1}}}")
    file.write_text(decayed.replace(BIRD, "{kind: angles, comparisons: {x: [a, b]}}\n" + ANGLES))
    with pytest.raises(ParamsError, match="run 'b': it has no exact bulk to tell apart; choose a run with SGD"):
        loading.load()


@pytest.mark.parametrize("name", ["params.yaml", "studies/smoke.yaml", "studies/solvable.yaml"])
def test_shipped_files_are_right(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert loading.load(name).runs


def test_what_is_right_is_accepted(file):
    params = loading.load()
    assert list(params.runs) == ["a", "b", "c"]
    assert params.runs["b"].initial.seed == 1
    assert params.runs["b"].initial.bias_std == 0.125
    assert (params.runs["a"].size, params.runs["a"].steps) == (160, 25)
    assert params.spectrum.thresholds == [0.1, 1e-10]


def test_pfj_of_another_loss_is_refused(file):
    """Its outputs are no log-probabilities."""
    pfj = "{kind: pfj_spectrum, runs: [a]}\n" + ANGLES.replace("angles", "pfj")
    tested = TINY.replace("test_size: 197", "test_size: 400").replace("batch_size: 64", "batch_size: 127")
    file.write_text(tested.replace(BIRD, pfj))
    assert loading.load().runs["a"].loss.name == "cross_entropy"
    file.write_text(tested.replace(BIRD, pfj).replace("a: {}", "a: {loss: {name: mse}}"))
    told = "figures.plots.bird: run 'a': its outputs are no log-probabilities, its loss being mse; choose a run with"
    with pytest.raises(ParamsError, match=re.escape(told)):
        loading.load()


def test_a_jacobian_that_is_too_large_is_refused_by_its_size(file, monkeypatch):
    """LeNet-5 with a dense SVD: right params, and too large for the machine, whose name for it is in the message."""
    large = "a: {data: {name: mnist, train_size: 64, test_size: 9}, model: {name: lenet5, activation: gelu}}"
    file.write_text(TINY.replace("a: {}", large))
    monkeypatch.setattr(fits, "machine_memory", lambda: (64 * 10**9, "of memory"))
    with pytest.raises(
        fits.DoesNotFitError, match=r"runs\.a: svd needs \d+ GB of memory \(61706 parameters, .*partial"
    ):
        fits.check(plan.plan())
    monkeypatch.setattr(fits, "free_disk", lambda: 10**15)
    monkeypatch.setattr(fits, "machine_memory", lambda: (10**15, "of memory"))
    fits.check(plan.plan())  # negative control


def test_numbers_are_those_of_yaml_1_2():
    for text, value in {
        "1e-3": 1e-3,
        "1.5": 1.5,
        "-2": -2,
        "0": 0,
        "1e3": 1000.0,
        ".5": 0.5,
        "007": "007",
        "1_0": "1_0",
    }.items():
        found = loading.yaml.load(f"a: {text}", loading._Loader)["a"]
        assert (found, type(found)) == (value, type(value))


def test_every_mistake_is_told_at_once(file):
    file.write_text(TINY.replace("epochs: 1", "epochs: 0").replace("momentum: 0.9", "momentum: 2"))
    with pytest.raises(ParamsError) as refused:
        loading.load()
    assert len(str(refused.value).splitlines()) == 2


def test_another_name_replaces_the_whole_section(file):
    file.write_text(TINY.replace("b: {initial: {seed: 1}}", "b: {training: {schedule: {name: constant}}}"))
    assert loading.load().runs["b"].training.schedule.model_dump() == {"name": "constant"}


def test_empty_and_missing_files(file):
    file.write_text("")
    with pytest.raises(ParamsError, match="empty or not a mapping"):
        loading.load()
    with pytest.raises(ParamsError, match=r"data: Is a directory; run from the project's root"):
        loading.load("data")
    with pytest.raises(ParamsError, match=r"no\.yaml: no such file; run from the project's root"):
        loading.load("no.yaml")


def test_params_of_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = loading.load()
    assert (params.runs["paper"].size, params.runs["paper"].steps) == (4810, 625)
    theta = np.load(ROOT / params.runs["paper"].initial.path, allow_pickle=False)
    assert theta.shape == (4810,)


def test_divergences_of_several_losses_are_drawn_apart(file):
    """A KL and a squared difference have no axis in common."""
    mixed = TINY.replace("a: {}", "a: {loss: {name: mse}}").replace(
        "compute:", "behaviour: {size: 1, seed: 0}\ncompute:"
    )
    apart = mixed.replace(BIRD, "{kind: divergence, runs: [a]}\n    other: {kind: divergence, runs: [b, c]}\n")
    file.write_text(apart)
    assert loading.load().plotted("other") == ["b", "c"]
    file.write_text(mixed.replace(BIRD, "{kind: divergence, runs: [b, a]}\n"))
    told = "figures.plots.bird: run 'b' has loss 'cross_entropy' and run 'a' 'mse'; draw them apart"
    with pytest.raises(ParamsError, match=told):
        loading.load()
