"""Networks, losses and optimizers from files: J against jax.jacfwd of the training by the file's own functions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import own_files
from training_jacobian.learning.losses import cross_entropy, mse
from training_jacobian.learning.models import mlp

RATE = optax.cosine_decay_schedule(0.1, 6)
SGD = optax.sgd(RATE, momentum=0.9)


def of_file(path, **keys):
    return {"name": "file", "path": path, **keys}


# network, its keys, shape of an example, of a target of a regression, loss and optimizer in params.yaml and by jax
CASES = {
    "plain": ("net.py", {}, (3,), None, {}, (cross_entropy.value, SGD)),
    "linen": ("linen.py", {"width": 3}, (3,), None, {}, (cross_entropy.value, SGD)),
    "nnx": ("nnx.py", {}, (3,), None, {}, (cross_entropy.value, SGD)),
    "equinox": ("eqx.py", {}, (3,), None, {}, (cross_entropy.value, SGD)),
    "convolution": ("conv.py", {}, (4, 4, 1), None, {}, (cross_entropy.value, SGD)),
    "attention": ("attention.py", {"heads": 2}, (3, 2), None, {}, (cross_entropy.value, SGD)),
    "regression": ("linen.py", {"width": 2}, (3,), (2,), {"loss": {"name": "mse"}}, (mse.value, SGD)),
    "regression, one number": ("eqx.py", {}, (3,), (), {"loss": of_file("smooth.py", delta=0.5)}, ("smooth", SGD)),
    "own optimizer": (
        "net.py",
        {"width": 2},
        (3,),
        None,
        {"optimizer": of_file("mine.py", learning_rate=0.1), "loss": of_file("margin.py")},
        ("margin", optax.sgd(RATE, momentum=0.5)),
    ),
    "adam": (
        "net.py",
        {},
        (3,),
        None,
        {"optimizer": {"name": "adam", "learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "eps": 1e-8, "eps_root": 1e-8}},
        (cross_entropy.value, optax.adam(RATE, 0.9, 0.99, 1e-8, 1e-8)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_jacobian(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, keys, shape, target, sections, (value, optimizer) = CASES[case]
    own_files.write(tmp_path, own_files.examples(shape, target=target))
    run = own_files.trained(own_files.load(model=of_file(file, **keys), **sections))
    if isinstance(value, str):
        own, options = own_files.imported(f"{value}.py").value, {"delta": 0.5} if value == "smooth" else {}
        value = lambda outputs, labels: own(outputs, labels, **options)
    facts = {"inputs": shape[0] if len(shape) == 1 else shape, "classes": 3 if target is None else int(np.prod(target))}
    expected, end = own_files.by_jax(run, own_files.imported(file), value, optimizer, **facts, **keys)
    J = run.jacobian()
    np.testing.assert_allclose(run.theta[-1], end, rtol=1e-12, atol=1e-13)
    found = J.columns(0, len(end))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(1, np.abs(expected).max()))
    assert np.abs(expected - np.eye(len(end))).max() > 1e-3  # there was something to find
    random = np.random.default_rng(1)
    u, v = random.standard_normal((2, len(end)))
    scale = np.linalg.norm(u) * np.linalg.norm(J @ v)
    assert abs(u @ (J @ v) - (J.T @ u) @ v) <= 1e-12 * scale


def test_theta_is_what_init_makes_and_named_as_the_tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path)
    made = own_files.load(model=of_file("linen.py", width=3))
    shapes = made.params.runs["mine"].shapes
    assert list(shapes)[:2] == ["params.Dense_0.bias", "params.Dense_0.kernel"]
    assert shapes["params.Dense_0.kernel"] == (3, 3)
    run = own_files.trained(made)
    with jax.enable_x64(False):
        tree = own_files.imported("linen.py").init(jax.random.key(0), inputs=3, classes=3, width=3)
        drawn = np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)])
    np.testing.assert_array_equal(run.theta[0], drawn.astype(np.float64))


def test_both_precisions_start_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path)
    starts = [own_files.trained(own_files.load(dtype=dtype)).theta[0] for dtype in ("float32", "float64")]
    assert [start.dtype for start in starts] == [np.float32, np.float64]
    np.testing.assert_array_equal(*starts)


def test_start_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path)
    size = own_files.load().params.runs["mine"].size
    np.save("theta.npy", np.linspace(-1, 1, size))
    made = own_files.load(initial={"name": "file", "path": "theta.npy"})
    assert made.theta_file(next(iter(made.by_key["train"]))) == ["theta.npy"]
    assert made.params.runs["mine"].size == size


def test_a_key_becomes_what_the_signature_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = own_files.PLAIN.replace("width: int = 3", "widths: tuple[int, ...], width: int = 3")
    own_files.write(tmp_path, net=text.replace("one, two", "assert widths == (4, 5), widths\n    one, two"))
    made = own_files.load(model=of_file("net.py", widths=[4, 5]))
    assert made.recipes["mine"]["train"]["parameters"]["model"] == {"name": "file", "widths": [4, 5]}
    assert own_files.trained(made).problem.size == made.params.runs["mine"].size


@pytest.mark.parametrize("target", [(), (2,)])
def test_built_in_network_of_a_regression(target, tmp_path, monkeypatch):
    """With tangents written out, as of classes."""
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, own_files.examples(target=target))
    model = {"name": "mlp", "hidden": [3], "activation": "tanh"}
    start = {"name": "random", "seed": 0, "bias_std": 0.1}
    run = own_files.trained(own_files.load(model=model, initial=start, loss={"name": "mse"}))
    shapes = run.problem.shapes

    class Network:
        init = staticmethod(lambda key: {name: jnp.zeros(shape) for name, shape in shapes.items()})
        apply = staticmethod(lambda params, inputs: mlp.apply(model, params, inputs))

    value = lambda outputs, labels: ((outputs - labels.reshape(outputs.shape)) ** 2).mean()
    assert sorted(shapes) == list(shapes)  # jax sorts the keys of dicts
    expected, end = own_files.by_jax(run, Network, value, SGD)
    np.testing.assert_allclose(run.jacobian().columns(0, len(end)), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.theta[-1], end, rtol=1e-12, atol=1e-13)


def test_a_start_that_does_not_repeat_itself_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(
        tmp_path, net="import numpy as np\n" + own_files.PLAIN.replace("jnp.zeros(width)", "np.random.rand(width)")
    )
    with pytest.raises(
        ValueError, match=r"^net\.py: `init` gives another params\.b\.0 when it is called again; .* alone$"
    ):
        own_files.trained(own_files.load())


@pytest.mark.parametrize("wrong", ["apply", "value"])
def test_what_does_not_repeat_itself_is_refused_before_training(wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy = "import numpy as np\nNOISE = np.random.default_rng()\n"
    net = noisy + own_files.PLAIN.replace('+ params["b"][1]', '+ params["b"][1] + NOISE.random()')
    loss = noisy + own_files.MARGIN.replace("1).mean()", "1).mean() * NOISE.random()")
    own_files.write(tmp_path, **({"net": net} if wrong == "apply" else {"margin": loss}))
    made = own_files.load(loss=of_file("margin.py"))
    file = "net.py" if wrong == "apply" else "margin.py"
    with pytest.raises(ValueError, match=rf"{file}: `{wrong}` gives other numbers when it is called again, .* alone$"):
        own_files.trained(made)
    own_files.write(tmp_path)  # negative control
    own_files.trained(own_files.load(loss=of_file("margin.py")))


def test_constants_of_a_file_are_as_jax_makes_them_by_default(tmp_path, monkeypatch):
    """Whatever the session's mode: else an address would have two contents."""
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, net=own_files.PLAIN + "SCALE = jnp.asarray(0.1)\nassert SCALE.dtype == 'float32'\n")
    assert jnp.asarray(0.1).dtype == np.float64
    own_files.load()
