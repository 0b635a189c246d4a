"""What is wrong with a file beside params.yaml is told before any job: path, file, line, what is expected."""

import re

import numpy as np
import pytest

import own_files
from own_files import MARGIN, MINE, PLAIN

NET = {"name": "file", "path": "net.py"}
LOSS = {"loss": {"name": "file", "path": "margin.py"}}
OPTIMIZER = {"optimizer": {"name": "file", "path": "mine.py", "learning_rate": 0.1}}
TARGETS = {"arrays": own_files.examples(target=(1,))}


def net(old="", new="", more="", text=PLAIN, **changes):
    """A file with a change of the network."""
    assert old in text, old
    return {"files": {"net": text.replace(old, new) + more if old else text + more}, **changes}


def loss(old, new, more="", **changes):
    assert old in MARGIN, old
    return {"files": {"margin": MARGIN.replace(old, new) + more}, **LOSS, **changes}


def optimizer(text, **changes):
    return {"files": {"mine": text}, **OPTIMIZER, **changes}


MODEL, MARGINS, MAKER = (
    r"defaults\.model\.path = 'net\.py': ",
    r"defaults\.loss\.path = 'margin\.py': ",
    r"defaults\.training\.optimizer\.path = 'mine\.py': ",
)
# what is wrong: (files, sections, arrays), and the pattern of what is told
BAD = {
    "no such file": ({"model": {**NET, "path": "nat.py"}}, r"defaults\.model\.path = 'nat\.py': no such file; give a file of Python"),
    "no path": ({"model": {"name": "file"}}, r"defaults\.model\.path: required key is missing; add it"),
    "syntax": (net("return {", "return [{"), MODEL + r"net\.py, line \d+: not valid Python: .*"),
    "fails on import": (net(more="\n1 / 0\n"), MODEL + r"net\.py, line 10: ZeroDivisionError: division by zero"),
    "unknown module": (net(more="import jaxx\n"), MODEL + r"net\.py, line 9: ModuleNotFoundError: No module named 'jaxx'"),
    "module from elsewhere": (net(more="import own_files\n"), MODEL + r"net\.py, line 9: imports own_files from .*, which is neither in its folder nor installed: .*; move it"),
    "stops the program": (net(more="raise SystemExit(3)\n"), MODEL + r"net\.py, line 9: SystemExit: 3"),
    "no apply": (net("def apply", "def aply"), MODEL + r"net\.py: defines no `apply\(params, inputs\)`; a model defines"),
    "init is no function": (net(more="init = 3\n"), MODEL + r"net\.py: `init` is 3, no function; a model defines init\(key"),
    "apply of one argument": (net("apply(params, inputs):", "apply(params):\n    inputs = 0"), MODEL + r"net\.py, line 7: apply takes 1 arguments in order; it gets 2: params, inputs"),
    "unknown key": ({"model": {**NET, "widht": 3}}, r"defaults\.model: unknown key 'widht'; did you mean 'width'\? allowed: 'name', 'path', 'width'"),
    "key of ours": ({"model": {**NET, "classes": 3}}, r"defaults\.model: key 'classes' is given by the data; remove it"),
    "key is missing": (net("width: int = 3", "width: int"), r"defaults\.model\.width: required key is missing; add it"),
    "key of another type": ({"model": {**NET, "width": 2.5}}, r"defaults\.model\.width = 2\.5: Input should be a valid integer"),
    "key that is not finite": (net("width: int = 3", "width: int = 3, gain=1", model={**NET, "gain": float("nan")}), r"defaults\.model\.gain = nan: Input should be a finite number"),
    "argument called path": (net("width: int = 3", "width: int = 3, path=''"), MODEL + r"net\.py, line 3: the argument 'path' of init is a key of ours; rename it"),
    "init fails": (net("one, two = ", "one, two, three = "), MODEL + r"net\.py, line 4: ValueError: not enough values"),
    "parameters of integers": (net('"b": [', '"n": jnp.arange(3), "b": ['), MODEL + r"net\.py, line 3: init: params\.n is of dtype int32, and J is of real floating-point numbers; keep it out"),
    "parameters with a function": (net('"b": [', '"f": len, "b": ['), MODEL + r"net\.py, line 3: init: params\.f is <built-in function len> \(.*\), no array; keep what is not trained out"),
    "no parameters": (net('return {"b"', 'return {}\n    return {"b"'), MODEL + r"net\.py, line 3: init: params holds no numbers; give a pytree"),
    "two leaves of one name": (net('"b": [', '"b.0": jnp.zeros(1), "b": ['), MODEL + r"net\.py, line 3: init: params has two leaves called 'b\.0'; rename one"),
    "outputs of another width": (net("width: int = 3", "width: int = 3", text=PLAIN.replace("(width, classes)", "(width, classes + 1)").replace("jnp.zeros(classes)", "jnp.zeros(classes + 1)")), MODEL + r"net\.py, line 7: apply gives float64 of shape \(1, 4\) for inputs float64 of shape \(1, 3\); give outputs float64 of shape \(1, 3\), \(examples, classes\)"),
    "outputs for one size of batch": (net("jnp.tanh(", "jnp.tanh(jnp.ones((4, 1)) * "), MODEL + r"net\.py, line 7: apply gives float64 of shape \(4, 3\) for inputs float64 of shape \(1, 3\)"),
    "outputs of another dtype": (net('+ params["b"][1]', '+ params["b"][1] + jnp.ones(3)', dtype="float32"), MODEL + r".* gives float64 of shape .* give outputs float32"),
    "outputs are a tuple": (net('+ params["b"][1]', '+ params["b"][1], 0'), MODEL + r"net\.py, line 7: apply gives tuple for inputs"),
    "apply fails": (net("inputs @ params", "inputs.T @ params"), MODEL + r"net\.py, line 8: .*; with inputs float64 of shape \(1, 3\)"),
    "apply by numpy": (net("jnp.tanh(", "__import__('numpy').tanh("), MODEL + r"net\.py, line 8: TracerArrayConversionError: "),
    "no derivative": (net("jnp.tanh(inputs", "jax.lax.while_loop(lambda x: x.max() > 9, lambda x: x / 2, inputs"), MODEL + r"net\.py, line 7: ValueError: Reverse-mode differentiation .*; J needs the derivative of the gradient, forward through backward"),
    "loss per example": (loss("1).mean()", "1)"), MARGINS + r"margin\.py, line 4: value gives float64 of shape \(4, 1\) for outputs .* and labels int64 of shape \(4,\); give one number"),
    "loss of one argument": (loss("outputs, labels):", "outputs):\n    labels = 0"), MARGINS + r"margin\.py, line 4: value takes 1 arguments in order; it gets 2: outputs, labels"),
    "loss fails": (loss("[:, None], 1", "[:, :], 1"), MARGINS + r"margin\.py, line 5: .*; with labels int64 of shape \(4,\)"),
    "gauge of another size": (loss("np.ones((classes, 1))", "np.ones(classes)"), MARGINS + r"margin\.py, line 6: gauge gives numbers of shape \(3,\); give \(classes, g\), 3 rows"),
    "guess that is infinite": (loss("math.log(classes)", "math.inf"), MARGINS + r"margin\.py, line 9: guess gives numbers of shape \(\); give one finite number"),
    "divergence of everything": (loss(").sum(-1)", ").sum()"), MARGINS + r"margin\.py, line 14: divergence gives float64 of shape \(\); give shape \(4,\), \(examples,\)"),
    "no optimizer": (optimizer("def make(learning_rate): return 3\n"), MAKER + r"mine\.py, line 1: make gives int; give an optax\.GradientTransformation"),
    "optimizer without a rate": ({**OPTIMIZER, "optimizer": {"name": "file", "path": "mine.py"}}, r"defaults\.training\.optimizer\.learning_rate: required key is missing; add it"),
    "rate of zero": ({"optimizer": {"name": "file", "path": "mine.py", "learning_rate": 0}}, r"defaults\.training\.optimizer\.learning_rate = 0: Input should be greater than 0"),
    "make fails": (optimizer(MINE.replace("trace(momentum)", "trace(momentm)")), MAKER + r"mine\.py, line 5: NameError: name 'momentm' is not defined"),
    "optimizer that is not of a pytree": (optimizer("import optax, jax.numpy as jnp\ndef make(learning_rate):\n    return optax.GradientTransformation(lambda theta: jnp.zeros(len(theta)), lambda u, s, p=None: (-learning_rate * u, s))\n"), MAKER + r"mine\.py, line 3: .*must go through jax\.tree\.map"),
    "optimizer whose state grows": (optimizer("import optax, jax, jax.numpy as jnp\ndef make(learning_rate):\n    return optax.GradientTransformation(lambda theta: jax.tree.map(jnp.zeros_like, theta), lambda u, s, p=None: (u, (s, s)))\n"), MAKER + r"mine\.py, line 2: make: its update changes the shapes or dtypes of its state; keep them"),
    "one update for all": (optimizer("import optax\ndef make(learning_rate):\n    return optax.stateless(lambda u, p: u.sum())\n"), MAKER + r"mine\.py, line 2: make: its update gives float64 of shape \(\); give float64 of shape \(24,\), an update for each"),
    "classes' loss of a regression": ({"arrays": own_files.examples(target=())}, r"defaults: loss\.name = 'cross_entropy' needs classes, and the labels of data\.path = 'my\.npz' are real targets; choose mse"),
    "MLP of images": ({"arrays": own_files.examples((4, 4, 1)), "model": {"name": "mlp", "hidden": [2], "activation": "tanh"}, "initial": {"name": "random", "seed": 0, "bias_std": 0.1}}, r"defaults: model\.name = 'mlp': for inputs \(n, d\), and those of the data are \('n', 4, 4, 1\); reshape them, or give a model from a file"),
    "MLP without bias_std": ({"model": {"name": "mlp", "hidden": [2], "activation": "tanh"}}, r"defaults\.initial\.bias_std: required key is missing; add it"),
    "PFJ of an own loss": ({"files": {"margin": MARGIN.replace("PROBABILITIES = \"kl\", True", "PROBABILITIES = \"kl\", False")}, **LOSS, "plots": {"p": {"kind": "pfj_nullity", "runs": "all"}}, "pfj": {"dimensions": {"start": 1, "stop": 9, "num": 2}, "seed": 0}, "optimizer": {"name": "file", "path": "mine.py", "learning_rate": 0.1}}, r"figures\.plots\.p: run 'mine': its outputs are no log-probabilities, its loss being margin\.py; choose a run with cross_entropy"),
    "PFJ of a regression": ({**TARGETS, "files": {"smooth": own_files.SMOOTH + "PROBABILITIES = True\n"}, "loss": {"name": "file", "path": "smooth.py"}, "plots": {"p": {"kind": "pfj_nullity", "runs": "all"}}, "pfj": {"dimensions": {"start": 1, "stop": 9, "num": 2}, "seed": 0}}, r"figures\.plots\.p: run 'mine': it is a regression, whose outputs are no log-probabilities; choose a run with classes"),
    "two losses in one figure": ({"runs": {"mine": {}, "other": {"loss": LOSS["loss"]}}, "plots": {"p": {"kind": "divergence", "runs": "all"}}, "behaviour": {"size": 1, "seed": 0}}, r"figures\.plots\.p: run 'mine' has loss 'cross_entropy' and run 'other' 'margin\.py'; draw them apart"),
}  # fmt: skip


def told(folder, arrays=None, files=None, **sections):
    """What is said; nothing about right files."""
    own_files.write(folder, arrays, **(files or {}))
    return own_files.refusal(**sections)


@pytest.mark.parametrize("case", BAD)
def test_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changes, message = BAD[case]
    found = told(tmp_path, **changes)
    assert re.search(rf"^params\.yaml: {message}", found), found
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("sections", [{}, LOSS, OPTIMIZER, {**LOSS, **OPTIMIZER}])
def test_right_ones_are_not(sections, tmp_path, monkeypatch):
    """Negative control."""
    monkeypatch.chdir(tmp_path)
    assert told(tmp_path, **sections) == ""


def test_a_line_of_an_imported_file_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("\n\ndef squash(x): return x.T\n")
    found = told(tmp_path, files={"net": PLAIN.replace("jnp.tanh", "helper.squash") + "import helper\n"})
    assert re.search(MODEL + r"helper\.py, line 3|" + MODEL + r"net\.py, line 8", found), found
    (tmp_path / "helper.py").write_text("def squash(x):\n  return x +\n")
    found = told(tmp_path, files={"net": PLAIN.replace("jnp.tanh", "helper.squash") + "import helper\n"})
    assert re.search(MODEL + r"helper\.py, line 2: not valid Python", found), found


def test_what_a_run_says_is_told_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.search(
        r"^params\.yaml: runs\.mine\.model\.path = 'nat\.py': no such file",
        told(tmp_path, runs={"mine": {"model": {"path": "nat.py"}}}),
    )
    assert np.load("my.npz")["labels_train"].max() == 2
