"""params.yaml: what is refused, and in which words."""

import re

import numpy as np
import pytest

from conftest import ROOT, TINY
from training_jacobian.workflow import fits, loading, plan
from training_jacobian.workflow.loading import ParamsError

PARTIAL = "{svd: {method: partial, rank: 5, operators: [J], tolerance: 1e-8, products: 99, block: 8, seed: 0}}"
UV = "{kind: uv_cosine, runs: [a]}"
BIRD = "{kind: bird, runs: all}\n"
ANGLES = "angles: {dimensions: {start: 10, stop: 80, num: 3}, seed: 0}\n"

# what is wrong: (text replaced, replacement, pattern that the message must have)
BAD = {
    "typo in a section": ("epochs: 1", "epoch: 1", r"defaults\.training: unknown key 'epoch'; did you mean 'epochs'\?"),
    "typo in a run": ("b: {initial: {seed: 1}}", "b: {inital: {seed: 1}}", r"runs\.b: unknown key 'inital'; did you mean 'initial'"),
    "typo deep in a run": ("b: {initial: {seed: 1}}", "b: {training: {optimizer: {momentun: 0.5}}}", r"runs\.b\.training\.optimizer: unknown key 'momentun'; did you mean 'momentum'"),
    "typo at the top": ("compute:", "compte:", r"unknown key 'compte'; did you mean 'compute'"),
    "missing key": ("batch_size: 64", "", r"defaults\.training\.batch_size: required key is missing"),
    "missing section": ("compute:\n  columns_per_job: 96", "", r"compute: required key is missing"),
    "unknown data set": ("name: digits", "name: digit", r"defaults\.data\.name = 'digit': did you mean 'digits'\? allowed: 'cifar10', 'digits', 'fashion_mnist', 'file', 'mnist'$"),
    "unknown model": ("name: mlp", "name: lenet", r"defaults\.model\.name = 'lenet': did you mean 'lenet5'\? allowed: 'file', 'lenet5', 'mlp'$"),
    "unknown activation": ("gelu", "gleu", r"defaults\.model\.activation = 'gleu': did you mean 'gelu'"),
    "unknown optimizer": ("name: sgd", "name: sdg", r"defaults\.training\.optimizer\.name = 'sdg': did you mean 'sgd'"),
    "unknown schedule": ("name: cosine", "name: cosin", r"defaults\.training\.schedule\.name = 'cosin': did you mean 'cosine'\? allowed: 'constant', 'cosine'"),
    "schedule without name": ("{name: cosine}", "{}", r"defaults\.training\.schedule\.name: required key is missing"),
    "unknown dtype": ("dtype: float64", "dtype: float16", r"defaults\.training\.dtype = 'float16': .*allowed: 'float32', 'float64'"),
    "learning rate zero": ("learning_rate: 0.1", "learning_rate: 0", r"optimizer\.learning_rate = 0: Input should be greater than 0"),
    "learning rate as text": ("learning_rate: 0.1", "learning_rate: fast", r"learning_rate = 'fast': Input should be a valid number"),
    "learning rate not a number": ("learning_rate: 0.1", "learning_rate: .nan", r"learning_rate = nan: Input should be (a finite number|greater)"),
    "momentum one": ("momentum: 0.9", "momentum: 1", r"momentum = 1: Input should be less than 1"),
    "momentum yes": ("momentum: 0.9", "momentum: yes", r"momentum = True: Input should be a valid number"),
    "no epochs": ("epochs: 1", "epochs: 0", r"epochs = 0: Input should be greater than or equal to 1"),
    "half an epoch": ("epochs: 1", "epochs: 1.5", r"epochs = 1\.5: Input should be a valid integer"),
    "batch size does not divide": ("batch_size: 64", "batch_size: 60", r"defaults: training\.batch_size = 60 does not divide the 1600 training examples"),
    "all data for testing": ("test_size: 197", "test_size: 1797", r"defaults\.data: test_size = 1797 leaves no training example"),
    "hidden layer of width zero": ("hidden: [2]", "hidden: [2, 0]", r"defaults\.model\.hidden\.1 = 0: Input should be greater"),
    "hidden is not a list": ("hidden: [2]", "hidden: 2", r"defaults\.model\.hidden = 2: Input should be a valid list"),
    "negative seed": ("seed: 1", "seed: -1", r"runs\.b\.initial\.seed = -1: Input should be greater than or equal to 0"),
    "no theta file": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/no.npy}}", r"runs\.b\.initial\.path = 'data/no\.npy': no such file; give a \.npy file of 160 numbers"),
    "theta of another size": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/theta0_seed0.npy}}", r"holds float32 of shape \(4810,\); the model needs \(160,\)"),
    "theta that is no array": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: params.yaml}}", r"not a readable \.npy file"),
    "bad run name": ("  b: {init", "  B-1: {init", r"runs\.B-1.*: String should match pattern"),
    "no runs": ("runs:\n  a: {}\n  b: {initial: {seed: 1}}\n  c: {training: {dtype: float32}}", "runs: {}", r"runs: Dictionary should have at least 1 item"),
    "thresholds rise": ("[1e-1, 1e-10]", "[1e-10, 1e-1]", r"spectrum\.thresholds = .*: must fall from each value to the next"),
    "threshold above one": ("[1e-1, 1e-10]", "[2, 1e-1]", r"spectrum\.thresholds\.0 = 2: Input should be less than 1"),
    "figure of no run": ("uv_cosine, runs: [a]", "uv_cosine, runs: [aa]", r"figures\.plots\.uv_cosine: no run 'aa'; (did you mean 'a'\? )?allowed: 'a', 'b', 'c'"),
    "unknown figure": ("kind: bird", "kind: brid", r"figures\.plots\.bird\.kind = 'brid': did you mean 'bird'"),
    "unknown palette": ("colorblind", "rainbow", r"figures\.style\.palette = 'rainbow'"),
    "no columns in a job": ("columns_per_job: 96", "columns_per_job: 0", r"compute\.columns_per_job = 0"),
    "figure without runs": ("uv_cosine, runs: [a]", "uv_cosine, runs: []", r"figures\.plots\.uv_cosine\.runs.*: List should have at least 1 item"),
    "figure named like the table": ("    bird: {kind", "    runs: {kind", r"figures\.plots.*: a figure cannot be named 'runs' like the table"),
    "run switched off by no": ("b: {initial: {seed: 1}}", "b: no", r"runs\.b = False: Input should be"),
    "octal seed": ("seed: 1}", "seed: 010}", r"runs\.b\.initial\.seed = '010': Input should be a valid integer|seed = 10\.0"),
    "sexagesimal seed": ("seed: 1}", "seed: 1:30}", r"runs\.b\.initial\.seed = '1:30': Input should be a valid integer"),
    "date as seed": ("seed: 1}", "seed: 2024-13-45}", r"seed = '2024-13-45': Input should be a valid integer"),
    "mapping as key": ("b: {initial: {seed: 1}}", "b: {{x}: 1}", r"not valid YAML: .*unhashable key"),
    "huge network": ("hidden: [2]", "hidden: [100000000000]", r"hidden\.0 = 100000000000: Input should be less than"),
    "stratified test set too small": ("test_size: 197,", "test_size: 5, stratify: true,", r"data: stratify needs at least 10 examples"),
    "theta is a zip file": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/zip.npy}}", r"not a readable \.npy file"),
    "theta is empty": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/empty.npy}}", r"not a readable \.npy file"),
    "theta of more numbers than there are": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/absurd.npy}}", r"not a readable \.npy file; give a \.npy file of 160 numbers"),
    "theta is pickled": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/pickled.npy}}", r"not a readable \.npy file"),
    "theta is not finite": ("b: {initial: {seed: 1}}", "b: {initial: {name: file, path: data/nan.npy}}", r"the model needs \(160,\) finite"),
    "a run twice": ("  c: {tr", "  a: {tr", r"line \d+: key 'a' is given twice; remove one"),
    "unknown variant": ("test_size: 197,", "test_size: 197, labels: shufled,", r"defaults\.data\.labels = 'shufled': did you mean 'shuffled'"),
    "seed of no variant": ("test_size: 197,", "test_size: 197, variant_seed: 3,", r"defaults\.data: variant_seed is of shuffled labels or white-noise inputs, and neither is chosen; remove it"),
    "PFJ of a float32 run": (BIRD, "{kind: pfj_spectrum, runs: [c]}\n" + ANGLES.replace("angles", "pfj"), r"figures\.plots\.bird: run 'c': it is in float32, which hides its exact bulk; choose a float64 run$"),
    "unknown inputs": ("test_size: 197,", "test_size: 197, inputs: noise,", r"defaults\.data\.inputs = 'noise': .*allowed: 'images', 'white_noise'"),
    "analysis without its section": (UV, "{kind: displacement, runs: [a]}", r"figures\.plots\.uv_cosine: there is no section 'behaviour' to tell how; add it"),
    "angles without comparisons": (UV, "{kind: angles, runs: [a]}", r"figures\.plots\.uv_cosine: unknown key 'runs'; allowed: .*'comparisons'"),
    "comparisons without angles": (UV, "{kind: bird, runs: [a], comparisons: {x: [a, b]}}", r"figures\.plots\.uv_cosine: unknown key 'comparisons'; allowed: 'kind', 'runs'$"),
    "option of another kind": (UV, "{kind: bird, runs: [a], exact_bulk: removed}", r"figures\.plots\.uv_cosine: unknown key 'exact_bulk'; allowed: 'kind', 'runs'$"),
    "figure without any runs": (UV, "{kind: bird}", r"figures\.plots\.uv_cosine\.runs: required key is missing; add it$"),
    "comparison of one run": (UV, "{kind: angles, comparisons: {x: [a]}}", r"comparisons\.x.*: List should have at least 2 items"),
    "comparison of no run": (BIRD, "{kind: angles, comparisons: {x: [a, d]}}\n" + ANGLES, r"figures\.plots\.bird: no run 'd'; "),
    "comparison of a float32 run": (BIRD, "{kind: angles, comparisons: {x: [a, c]}}\n" + ANGLES, r"figures\.plots\.bird: run 'c': it cannot be compared; all must be in float64 and have as many parameters$"),
    "dimension above half of all": (BIRD, "{kind: angles, comparisons: {x: [a, b]}}\n" + ANGLES.replace("80", "81"), r"run 'a': angles\.dimensions\.stop = 81 is above 80, half the parameters; lower it$"),
    "dimension above all": (BIRD, "{kind: subspace, runs: [a]}\n" + ANGLES.replace("angles", "subspace").replace("80", "161"), r"run 'a': subspace\.dimensions\.stop = 161 is above 160, the parameters; lower it$"),
    "dimensions fall": (BIRD, "{kind: subspace, runs: [a]}\n" + ANGLES.replace("angles", "subspace").replace("80", "1"), r"subspace\.dimensions.*: start = 10 is not below stop = 1; change one"),
    "summary of no run": ("compute:", "summary: {paper: papr}\ncompute:", r"summary\.paper: no run 'papr'; allowed"),
    "figure named like the summary": ("    bird: {kind", "    summary: {kind", r"a figure cannot be named 'summary' like the table"),
    "unknown optimizer's parameter": ("{name: sgd, learning_rate: 0.1, momentum: 0.9}", "{name: lion, learning_rate: 0.1, b1: 0.9, b2: 0.99, weight_decay: 0, momentum: 0.9}", r"defaults\.training\.optimizer: unknown key 'momentum'"),
    "Adam without eps_root": ("{name: sgd, learning_rate: 0.1, momentum: 0.9}", "{name: adam, learning_rate: 0.1, b1: 0.9, b2: 0.99, eps: 1e-8}", r"defaults\.training\.optimizer\.eps_root: required key is missing"),
    "Adam with a root at zero": ("{name: sgd, learning_rate: 0.1, momentum: 0.9}", "{name: adam, learning_rate: 0.1, b1: 0.9, b2: 0.99, eps: 1e-8, eps_root: 0}", r"optimizer\.eps_root = 0: Input should be greater than 0"),
    "clipped to nothing": ("epochs: 1", "epochs: 1\n    clip_norm: 0", r"defaults\.training\.clip_norm = 0: Input should be greater than 0"),
    "unknown method of SVD": ("a: {}", "a: {svd: {method: partal}}", r"runs\.a\.svd\.method = 'partal': did you mean 'partial'"),
    "SVD without method": ("a: {}", "a: {svd: {rank: 3}}", r"runs\.a\.svd\.method: required key is missing"),
    "rank above all": ("b: {initial: {seed: 1}}", f"b: {PARTIAL.replace('rank: 5', 'rank: 161').replace('99', '999')}", r"runs\.b: svd\.rank = 161 is above the 160 parameters"),
    "too few products": ("b: {initial: {seed: 1}}", f"b: {PARTIAL.replace('99', '4')}", r"runs\.b\.svd.*: products = 4 cannot give rank = 5"),
    "operator twice": ("b: {initial: {seed: 1}}", f"b: {PARTIAL.replace('[J]', '[J, J]')}", r"names one twice; remove it"),
    "triplets of a dense run": (UV, "{kind: triplets, runs: [a]}", r"run 'a' has svd\.method 'dense', and this needs 'partial'"),
    "spectrum of a partial run": ("a: {}", f"a: {PARTIAL}", r"figures\.plots\.spectrum: run 'a' has svd\.method 'partial', and this needs 'dense'"),
    "negative weight decay": ("momentum: 0.9}", "momentum: 0.9, weight_decay: -1}", r"optimizer\.weight_decay = -1: Input should be greater than or equal to 0"),
    "LeNet-5 of digits": ("{name: mlp, hidden: [2], activation: gelu}", "{name: lenet5, activation: gelu}", r"defaults: model\.name = 'lenet5': for images of 28x28 grey pixels, not for 64 inputs; choose another model$"),
    "unknown loss": ("a: {}", "a: {loss: {name: mae}}", r"runs\.a\.loss\.name = 'mae': (did you mean 'mse'\? )?allowed: 'cross_entropy', 'file', 'mse'$"),
    "unknown order": ("a: {}", "a: {order: {name: shufled, seed: 0}}", r"runs\.a\.order\.name = 'shufled': did you mean 'shuffled'\? allowed: 'jax_permuted', 'shuffled', 'stored'$"),
    "order without seed": ("a: {}", "a: {order: {name: shuffled}}", r"runs\.a\.order\.seed: required key is missing; add it$"),
    "seed of no order": ("a: {}", "a: {order: {name: stored, seed: 3}}", r"runs\.a\.order: unknown key 'seed'; allowed: 'name', 'drop_last'$"),
    "more images than there are": ("a: {}", "a: {data: {name: mnist, train_size: 60001, test_size: 9}}", r"runs\.a\.data.*: train_size = 60001 is above the 60000 examples of mnist; lower it"),
    "split of images": ("a: {}", "a: {data: {name: cifar10, train_size: 64, test_size: 9, split_seed: 1}}", r"runs\.a\.data: unknown key 'split_seed'"),
    "epsilon below the dtype": ("c: {training: {dtype: float32}}", "c: {training: {dtype: float32, optimizer: {name: adam, learning_rate: 0.001, b1: 0.9, b2: 0.999, eps: 1e-8, eps_root: 1e-46}}}", r"runs\.c\.training: optimizer\.eps_root = 1e-46 is 0 in float32; choose at least 1\.2e-38$"),
    "epsilon whose power is infinite": ("{name: sgd, learning_rate: 0.1, momentum: 0.9}", "{name: rmsprop, learning_rate: 0.1, decay: 0.9, eps: 1e-26}", r"runs\.c\.training: optimizer\.eps = 1e-26 is too small to compute with in float32; choose at least 2\.2e-26$"),
    "momentum that is 1 in float32": ("momentum: 0.9", "momentum: 0.99999999", r"runs\.c\.training: optimizer\.momentum = 0\.99999999 is 1 in float32; choose at most 0\.999999"),
    "learning rate below float64": ("learning_rate: 0.1", "learning_rate: 1e-310", r"defaults\.training: optimizer\.learning_rate = 1e-310 is 0 in float64; choose at least 2\.3e-308$"),
    "learning rate beyond float32": ("learning_rate: 0.1", "learning_rate: 1e39", r"runs\.c\.training: optimizer\.learning_rate = 1e\+39 is infinite in float32; choose at most 3\.2e\+38$"),
    "biases below float32": ("bias_std: 0.125", "bias_std: 1e-45", r"defaults\.initial: bias_std = 1e-45 is 0 in float32; choose at least 1\.2e-38, or 0$"),
    "run named by a number": ("b: {initial", "1e3: {initial", r"line 14: key '1e3' means the number 1000\.0 in YAML: quote it, or choose another name$"),
    "run named by a date": ("b: {initial", "2024-01-01: {initial", r"runs\.2024-01-01: String should match pattern .*; choose another name$"),
    "run named by a word": ("b: {initial", "on: {initial", r"line 14: key 'on' means true in YAML: quote it, or choose another name$"),
    "figure named by a word": ("    bird: {kind", "    off: {kind", r"line \d+: key 'off' means false in YAML: quote it, or choose another name$"),
    "comparison named by a word": (BIRD, "{kind: angles, comparisons: {null: [a, b]}}\n" + ANGLES, r"line \d+: key 'null' means null in YAML: quote it, or choose another name$"),
    "figure of a run named by a word": ("uv_cosine, runs: [a]", "uv_cosine, runs: [a, no]", r"plots\.uv_cosine\.runs\.1 = False: Input should be a valid string; 'no' means false in YAML: quote it, or choose another name"),
    "comparison of a run named by a word": (BIRD, "{kind: angles, comparisons: {x: [on, a]}}\n" + ANGLES, r"comparisons\.x\.0 = True: .*; 'on' means true in YAML: quote it, or choose another name$"),
    "summary of a run named by a number": ("compute:", "summary: {paper: a, seeds: [1]}\ncompute:", r"summary\.seeds\.0 = 1: .*; '1' means the number 1 in YAML: quote it, or choose another name$"),
    "summary of a run named by a word": ("compute:", "summary: {paper: Yes}\ncompute:", r"summary\.paper = True: .*; 'Yes' means true in YAML: quote it, or choose another name$"),
    "word for a choice": ("test_size: 197,", "test_size: 197, labels: true,", r"defaults\.data\.labels = True: .*; 'true' means true in YAML: quote it"),
    "word for a choice in a run": ("b: {initial: {seed: 1}}", "b: {data: {labels: true}}", r"runs\.b\.data\.labels = True: .*; 'true' means true in YAML: quote it"),
    "quoted and not": ("b: {initial: {seed: 1}}", "'on': {}\n  \"on\": {}", r"line 15: key 'on' is given twice; remove one$"),
    "merged twice": ("b: {initial: {seed: 1}}", "b: &b {}\n  d: {<<: *b, <<: *b}", r"line 15: key '<<' is given twice; remove one$"),
    "alias of itself": ("b: {initial: {seed: 1}}", "b: &b {initial: *b}", r"line 14: \*b stands inside &b; write out what is meant$"),
    "tag": ("seed: 1}", "seed: !!int 1}", r"line 14: the tag 'tag:yaml\.org,2002:int' has no use here; remove it$"),
    "tab": ("  data:", "\tdata:", r"not valid YAML: .*found character '\\t'.* line 3, column 1"),
    "number of 5000 digits": ("seed: 1}", f"seed: {'9' * 5000}}}", r"runs\.b\.initial\.seed = '9{37}\.\.\.9{38}': Input should be a valid integer$"),
    "character that is none": ("b: {initial", '"\\UFFFFFFFF": {initial', r"line 14: not valid YAML: \\U of no character; write another$"),
    "half a character": ("b: {initial", '"\\ud800": {initial', r"line 14: '\\ud800' has half a character; remove it$"),
    "mapping for a number": ("epochs: 1", "epochs: {a: 1}", r"defaults\.training\.epochs = {'a': 1}: Input should be a valid integer$"),
    "run that is a list": ("b: {initial: {seed: 1}}", "b: [1]", r"runs\.b = \[1\]: Input should be a mapping$"),
    "not YAML": ("runs:\n", "runs: [\n", r"not valid YAML"),
}  # fmt: skip


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


@pytest.mark.parametrize("name", ["params.yaml", "studies/smoke.yaml"])
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
