"""Columns of the paper run's Jacobian a second on one core: written-out products against jax.jvp of jax.grad."""

import statistics
import time

from training_jacobian.threads import hold

hold(1, xla=True)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from training_jacobian import data, initial, jacobian, training  # noqa: E402
from training_jacobian.models import mlp  # noqa: E402

jax.config.update("jax_enable_x64", True)
COLUMNS, ROUNDS = 256, 3


def main() -> None:
    split = data.split("digits", 197, 0)
    shapes = mlp.shapes(64, [64], 10)
    theta = initial.draw(shapes, seed=0, bias_std=0.125)
    labels, batches = jnp.asarray(split["labels_train"]), jnp.asarray(training.batches(1600, 64, 25))
    logits = training.logits(shapes, "mlp", "gelu")
    generic = jax.grad(lambda theta, x, y: training.cross_entropy(logits(theta, x), y))
    written = training.gradient(shapes, "mlp", "gelu")
    options = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    optimizer = training.optimizer(options, {"name": "cosine"}, len(batches))
    print("dtype    chunk  written out [columns/s]  jvp of grad [columns/s]  ratio")
    for dtype in (np.float64, np.float32):
        inputs = jnp.asarray(split["inputs_train"].astype(dtype))
        start = training.State(jnp.asarray(theta.astype(dtype)), optimizer.init(jnp.asarray(theta.astype(dtype))))
        for chunk in (16, 32, 64):
            rates: dict[str, list[float]] = {"written": [], "generic": []}
            for name in list(rates) * ROUNDS:
                gradient = {"written": written, "generic": generic}[name]
                step = training.make_step(lambda t, i, g=gradient, x=inputs: g(t, x[i], labels[i]), optimizer)
                states = jax.tree.map(lambda leaf: leaf[:-1], training.trajectory(step, start, batches))
                marks: list[float] = []  # the first chunk also compiles
                mark = lambda n, m=marks: m.append(time.monotonic())
                jacobian.columns(step, states, batches, 0, COLUMNS, chunk, mark)
                rates[name].append((COLUMNS - chunk) / (marks[-1] - marks[0]))
            ours, theirs = (statistics.median(each) for each in rates.values())
            print(f"{np.dtype(dtype).name}  {chunk:5}  {ours:23.1f}  {theirs:23.1f}  {ours / theirs:5.2f}", flush=True)


if __name__ == "__main__":
    main()
