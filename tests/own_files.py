"""Files beside params.yaml for the tests: networks, losses, optimizers, data; and their training by jax alone."""

import importlib.util
import inspect
import json
from pathlib import Path

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax

from training_jacobian.run import Run
from training_jacobian.stages import data, train
from training_jacobian.workflow import plan
from training_jacobian.workflow.loading import ParamsError

PLAIN = """
import jax, jax.numpy as jnp
def init(key, *, inputs, classes, width: int = 3):
    one, two = jax.random.split(key)
    return {"b": [jnp.zeros(width), jnp.zeros(classes)],
            "W": {"in": jax.random.normal(one, (inputs, width)), "out": jax.random.normal(two, (width, classes))}}
def apply(params, inputs):
    return jnp.tanh(inputs @ params["W"]["in"] + params["b"][0]) @ params["W"]["out"] + params["b"][1]
"""
LINEN = """
import flax.linen as nn
import jax.numpy as jnp
class Net(nn.Module):
    width: int
    classes: int
    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.classes)(nn.LayerNorm()(nn.tanh(nn.Dense(self.width)(x))))
def init(key, *, inputs, classes, width: int):
    return Net(width, classes).init(key, jnp.zeros((1, inputs)))
def apply(params, inputs, *, classes, width: int):
    return Net(width, classes).apply(params, inputs)
"""
NNX = """
from flax import nnx
class Net(nnx.Module):
    def __init__(self, inputs, classes, rngs):
        self.layers = nnx.List([nnx.Linear(inputs, 3, rngs=rngs), nnx.Linear(3, classes, rngs=rngs)])
    def __call__(self, x):
        return self.layers[1](nnx.gelu(self.layers[0](x)))
def init(key, *, inputs, classes):
    return nnx.split(Net(inputs, classes, nnx.Rngs(key)), nnx.Param)[1]
def apply(params, inputs, *, classes):
    graph = nnx.graphdef(nnx.eval_shape(lambda: Net(inputs.shape[-1], classes, nnx.Rngs(0))))
    return nnx.merge(graph, params)(inputs)
"""
EQUINOX = """
import equinox as eqx
import jax
def build(key, inputs, classes):
    return eqx.nn.MLP(inputs, classes, width_size=3, depth=1, activation=jax.nn.softplus, key=key)
def init(key, *, inputs, classes):
    return eqx.partition(build(key, inputs, classes), eqx.is_inexact_array)[0]
def apply(params, inputs, *, classes):
    shapes = eqx.filter_eval_shape(build, jax.random.key(0), inputs.shape[-1], classes)
    return jax.vmap(eqx.combine(params, shapes))(inputs)
"""
CONV = """
import flax.linen as nn
import jax.numpy as jnp
class Net(nn.Module):
    classes: int
    @nn.compact
    def __call__(self, x):
        x = nn.gelu(nn.Conv(2, (3, 3))(x))
        x = nn.avg_pool(x, (2, 2), (2, 2))
        return nn.Dense(self.classes)(x.reshape(len(x), -1))
def init(key, *, inputs, classes):
    return Net(classes).init(key, jnp.zeros((1, *inputs)))["params"]
def apply(params, inputs, *, classes):
    return Net(classes).apply({"params": params}, inputs)
"""
ATTENTION = """
import jax, jax.numpy as jnp
def init(key, *, inputs, classes, heads: int = 1):
    words, width = inputs
    keys = jax.random.split(key, 4)
    square = [jax.random.normal(each, (heads, width, width)) / width**0.5 for each in keys[:3]]
    return {"qkv": tuple(square), "out": jax.random.normal(keys[3], (heads * width, classes)) / width}
def apply(params, inputs):
    q, k, v = (jnp.einsum("ntd,hde->nhte", inputs, W) for W in params["qkv"])
    weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / inputs.shape[-1] ** 0.5)
    mixed = (weights @ v).mean(2)
    return mixed.reshape(len(inputs), -1) @ params["out"]
"""
SMOOTH = """
import jax.numpy as jnp
UNIT = "m"
def value(outputs, labels, delta: float = 1.0):
    off = (outputs - labels.reshape(outputs.shape)) / delta
    return (delta**2 * (jnp.sqrt(1 + off**2) - 1)).mean()
"""
MARGIN = """
import jax, jax.numpy as jnp
DIVERGENCE, PROBABILITIES = "kl", True
def value(outputs, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[:, None], 1).mean()
def gauge(classes):
    import numpy as np
    return np.ones((classes, 1))
def guess(classes):
    import math
    return math.log(classes)
def said(outputs):
    return jax.nn.log_softmax(outputs)
def divergence(before, after):
    return (jnp.exp(after) * (after - before)).sum(-1)
"""
MINE = """
import optax
KEEPS_UNTOUCHED = True
def make(learning_rate, momentum: float = 0.5):
    return optax.chain(optax.trace(momentum), optax.scale_by_learning_rate(learning_rate))
"""
FILES = {
    "net.py": PLAIN,
    "linen.py": LINEN,
    "nnx.py": NNX,
    "eqx.py": EQUINOX,
    "conv.py": CONV,
    "attention.py": ATTENTION,
}
FILES |= {"smooth.py": SMOOTH, "margin.py": MARGIN, "mine.py": MINE}

PARAMS = {
    "defaults": {
        "data": {"name": "file", "path": "my.npz"},
        "model": {"name": "file", "path": "net.py"},
        "initial": {"name": "random", "seed": 0},
        "training": {
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
            "schedule": {"name": "cosine"},
            "epochs": 2,
            "batch_size": 4,
            "dtype": "float64",
        },
        "loss": {"name": "cross_entropy"},
    },
    "runs": {"mine": {}},
    "spectrum": {"thresholds": [1e-1, 1e-10], "bulk_tolerance": 0.1},
    "figures": {
        "style": {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 100},
        "plots": {"bird": {"kind": "bird", "runs": "all"}},
    },
    "compute": {"columns_per_job": 96},
}


def examples(shape=(3,), classes=3, target=None, train=12, test=5, seed=0):
    """Arrays of a file of data; with `target`, the shape of one, a regression."""
    random, made = np.random.default_rng(seed), {}
    for part, count in (("train", train), ("test", test)):
        made[f"inputs_{part}"] = random.standard_normal((count, *shape))
        made[f"labels_{part}"] = (
            random.permutation(np.arange(count) % classes)
            if target is None
            else random.standard_normal((count, *target))
        )
    return made


def write(folder, arrays=None, **texts):
    """Files and data into a folder; `net="..."` is net.py."""
    for name, text in {**FILES, **{f"{name}.py": text for name, text in texts.items()}}.items():
        (folder / name).write_text(text)
    np.savez(folder / "my.npz", **(arrays or examples()))


def params(**changes):
    """Text of params.yaml: `model={...}` replaces a section of the defaults, `optimizer={...}` one in `training`."""
    tree = json.loads(json.dumps(PARAMS))
    for name, value in changes.items():
        if name in ("optimizer", "schedule", "dtype", "epochs", "batch_size", "clip_norm"):
            tree["defaults"]["training"][name] = value
        elif name in tree["defaults"] or name == "svd":
            tree["defaults"][name] = value
        elif name == "plots":
            tree["figures"]["plots"] = value
        else:
            tree[name] = value
    return json.dumps(tree).replace("NaN", ".nan")


def load(**changes):
    """The plan of such a params.yaml in the working directory."""
    Path("params.yaml").write_text(params(**changes))
    return plan.plan()


def refusal(**changes):
    """What is said of such a params.yaml; nothing if it is right."""
    try:
        load(**changes)
    except ParamsError as error:
        return str(error)
    return ""


def trained(made, run="mine"):
    """The run, its data and training computed by the stages themselves."""
    recipe = made.recipes[run]["train"]
    files = {stage: Path(made.files(run, stage)[0]) for stage in ("data", "train")}
    data.make(made.recipes[run]["data"], [], files["data"])
    train.make(recipe, None, files["train"])
    return Run(recipe)


def imported(path):
    """A file as Python imports it."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_jax(run, network, value, optimizer, **options):
    """J (N, N) of the whole training by jax.jacfwd, from the file's own functions, on its pytree, with optax."""
    problem, theta = run.problem, run.theta
    x, y = problem.examples["inputs_train"], problem.examples["labels_train"]
    named = {name: options[name] for name in list(inspect.signature(network.apply).parameters)[2:]}
    start = network.init(jax.random.key(0), **options)
    _, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, theta.dtype), start))

    def step(carried, batch):
        now, state = carried
        loss = lambda tree: value(network.apply(tree, x[batch], **named), y[batch])
        updates, state = optimizer.update(jax.grad(loss)(now), state, now)
        return (optax.apply_updates(now, updates), state), None

    def end(flat):
        start = unravel(flat), optimizer.init(unravel(flat))
        return jax.flatten_util.ravel_pytree(jax.lax.scan(step, start, jnp.asarray(problem.batches))[0][0])[0]

    return np.asarray(jax.jacfwd(end)(jnp.asarray(theta[0]))), np.asarray(end(jnp.asarray(theta[0])))
