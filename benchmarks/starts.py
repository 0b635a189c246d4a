"""LeNet-5 of lenet.yaml from other starts, and with other activations: the largest singular value of J, from below.

By power iteration from a random vector: two products with J, one with J^T between them.  Beside it test loss, accuracy
and the first of every second step at which the loss of the batch is below 2.  MNIST's raw files have to be in
data/raw/mnist, where `make lenet` puts them.
"""

import argparse
import math
import os
from pathlib import Path

from training_jacobian.jobs.threads import hold

hold(len(os.sched_getaffinity(0)), xla=True)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from common import write  # noqa: E402
from training_jacobian.artifacts.address import parameters  # noqa: E402
from training_jacobian.jacobian.operator import TrainingJacobian  # noqa: E402
from training_jacobian.jacobian.trajectory import in_memory  # noqa: E402
from training_jacobian.learning import initial, split  # noqa: E402
from training_jacobian.learning.datasets import mnist  # noqa: E402
from training_jacobian.learning.layout import Shapes  # noqa: E402
from training_jacobian.learning.problem import Problem  # noqa: E402
from training_jacobian.workflow.params import Params  # noqa: E402
from training_jacobian.workflow.plan import plan  # noqa: E402
from training_jacobian.workflow.recipe import recipe  # noqa: E402

MEMORY = 2**30  # bytes for linearised steps
STARTS: dict[str, dict] = {
    "gelu, seed 0": {},
    "gelu, seed 1": {"seed": 1},
    "gelu, seed 1, biases 0": {"seed": 1, "bias_std": 0.0},
    "gelu, biases by width": {"draw": "biases"},  # N(0, 1 / width), as the paper's MLP has them
    "gelu, uniform": {"draw": "uniform"},  # within 1 / sqrt(fan-in), as PyTorch has it
    "gelu, inputs standardised": {"standardised": True},
    "relu, seed 0": {"activation": "relu"},
    "relu, uniform": {"activation": "relu", "draw": "uniform"},
    "tanh, seed 0": {"activation": "tanh"},
}


def theta(shapes: Shapes, seed: int = 0, bias_std: float = 0.125, draw: str = "") -> np.ndarray:
    """theta_0 (N,): as the workflow draws it, or with its biases, or all of it, drawn in another way."""
    usual, random = initial.draw(shapes, seed, bias_std), np.random.default_rng(seed)
    if not draw:
        return usual
    parts, first = [], 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        part, first = usual[first : first + count], first + count
        layer = shapes[name.replace("bias", "kernel")]
        if draw == "uniform":
            part = random.uniform(-1, 1, count) / math.sqrt(math.prod(layer[:-1]))
        elif name.endswith("bias"):
            part = random.standard_normal(count) / math.sqrt(layer[-1] if layer[-1] != 10 else layer[0])
        parts.append(part)
    return np.concatenate(parts)


def measure(params: Params, activation: str = "gelu", standardised: bool = False, **start: object) -> dict[str, object]:
    """One row of the table."""
    run = params.runs["lenet_mnist"]
    run = run.model_copy(update={"model": run.model.model_copy(update={"activation": activation})})
    raw = [Path("data/raw/mnist", each.name) for each in mnist.RAW]
    examples = split.first("mnist", raw, 60000, 10000)
    if standardised:
        for part in ("inputs_train", "inputs_test"):
            examples[part] = (examples[part] / 255 - 0.1307) / 0.3081
    problem = Problem(parameters(recipe(params, run, "train")), examples)
    start_state, batches = problem.start(theta(problem.shapes, **start)), jnp.asarray(problem.batches)
    made = in_memory(problem.gradient, problem.optimizer, start_state, batches)
    thetas, J = made.states(0, made.steps + 1).theta, TrainingJacobian(made, memory=MEMORY)
    v = J.rmatvec(J.matvec(np.random.default_rng(0).standard_normal(J.shape[1]).astype(J.dtype)))
    loss, accuracy = problem.evaluate(thetas[-1:], "test")

    @jax.jit
    def batch_losses(thetas: jax.Array, batches: jax.Array) -> jax.Array:
        inputs, labels = problem.examples["inputs_train"], problem.examples["labels_train"]
        one = lambda at: problem.loss.value(problem.outputs(at[0], inputs[at[1]]), labels[at[1]])
        return jax.lax.map(one, (thetas, batches))

    losses = np.asarray(batch_losses(thetas[:-1:2], batches[::2]))
    return {
        "sigma_1, at least": float(np.linalg.norm(J.matvec(v)) / np.linalg.norm(v)),
        "test loss": float(loss[0]),
        "test accuracy": float(accuracy[0]),
        "step of loss below 2": 2 * int(np.argmax(losses < 2)),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", help="one of: " + "; ".join(STARTS), choices=STARTS, metavar="START")
    chosen = options.parse_args()
    params = plan("studies/lenet.yaml").params
    rows = []
    for name in [chosen.only] if chosen.only else STARTS:
        rows.append({"start": name, **measure(params, **STARTS[name])})
        print(rows[-1], flush=True)
    write(pd.DataFrame(rows), "starts")


if __name__ == "__main__":
    main()
