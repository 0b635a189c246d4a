"""Whether several threads make products with J faster: eight vectors by J and J^T, of networks from small to large.

Data are random, the training is of 25 steps: a product's time follows from its shapes.  The workflow gives several
threads to a job from `LARGE` operations a step and vector on (src/training_jacobian/workflow/times.py).
"""

import json
import os
import subprocess
import sys

MODELS = {  # name: inputs, batch, dtype, options
    "64-64-10": (64, 64, "float64", {"name": "mlp", "hidden": [64], "activation": "gelu"}),
    "64-256-10": (64, 64, "float64", {"name": "mlp", "hidden": [256], "activation": "gelu"}),
    "784-64-10": (784, 100, "float64", {"name": "mlp", "hidden": [64], "activation": "gelu"}),
    "LeNet-5": (784, 200, "float32", {"name": "lenet5", "activation": "gelu"}),
}
STEPS, VECTORS, ROUNDS, SECONDS = 25, 8, 3, 2.0


def measure(name: str, threads: int) -> tuple[float, float]:
    """Seconds, and seconds of processors, of a product with J and one with J^T, in this process."""
    from training_jacobian.jobs.threads import hold

    hold(threads, xla=True)
    import time

    import jax
    import jax.numpy as jnp
    import numpy as np

    from training_jacobian.jacobian import trajectory
    from training_jacobian.jacobian.operator import TrainingJacobian
    from training_jacobian.learning import initial, problem, training
    from training_jacobian.learning.components import component
    from training_jacobian.learning.losses import cross_entropy

    jax.config.update("jax_enable_x64", True)
    inputs, batch, dtype, model = MODELS[name]
    random = np.random.default_rng(0)
    shapes = component("models", model["name"]).shapes(model, inputs, 10)
    theta = jnp.asarray(initial.draw(shapes, seed=0, bias_std=0.125).astype(dtype))
    x = jnp.asarray(random.random((batch * STEPS, inputs)).astype(dtype))
    gradient = problem.gradient(shapes, model, cross_entropy).on(x, jnp.asarray(random.integers(0, 10, batch * STEPS)))
    options = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    optimizer = training.optimizer(options, {"name": "cosine"}, STEPS)
    batches = jnp.arange(batch * STEPS).reshape(STEPS, batch)
    start = training.State(theta, optimizer.init(theta))
    J = TrainingJacobian(trajectory.in_memory(gradient, optimizer, start, batches))
    vectors = random.standard_normal((J.shape[0], VECTORS)).astype(dtype)

    def both() -> None:
        J.T @ (J @ vectors)

    both()  # compiles
    began, processors, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < SECONDS:
        both()
        count += 1
    return (time.monotonic() - began) / count, (time.process_time() - processors) / count


def main() -> None:
    import pandas as pd

    from common import median, write
    from training_jacobian.learning.components import component
    from training_jacobian.workflow.times import LARGE

    cores, rows = len(os.sched_getaffinity(0)), []
    for name, (inputs, batch, dtype, model) in MODELS.items():
        network = component("models", model["name"])
        *_, multiplications, first = network.work(network.shapes(model, inputs, 10))
        operations = 2.0 * batch * (6 * multiplications - 4 * first)
        found = {1: [], cores: []}
        for _ in range(ROUNDS):
            for threads, times in found.items():
                command = [sys.executable, __file__, name, str(threads)]
                times.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        (one, of_one), (several, of_several) = (
            [median(each) for each in zip(*times, strict=True)] for times in found.values()
        )
        row = {"network": name, "dtype": dtype, "operations": operations, "threads": cores}
        rows.append(row | {"wall / one thread's": several / one, "processors / one thread's": of_several / of_one})
    write(pd.DataFrame(rows), "threads")
    print(f"several threads from {LARGE:g} operations a step and vector on")


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2])))) if sys.argv[1:] else main()
