"""Columns of the paper run's Jacobian a second on one core: the written-out products against jax.jvp of jax.grad.

And how much of the machine's GEMM peak, measured in the same run, the written-out ones reach.
"""

from training_jacobian.jobs.threads import hold

hold(1, xla=True)

import time  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from common import flops, gemm_peak, median, write  # noqa: E402
from training_jacobian.jacobian import trajectory  # noqa: E402
from training_jacobian.jacobian.operator import TrainingJacobian  # noqa: E402
from training_jacobian.learning import initial, problem, split, training  # noqa: E402
from training_jacobian.learning.losses import cross_entropy  # noqa: E402
from training_jacobian.learning.models import mlp  # noqa: E402
from training_jacobian.learning.orders import stored  # noqa: E402

jax.config.update("jax_enable_x64", True)
ROUNDS, CHUNKS = 3, (4, 8, 16, 32, 64)


class Run:
    """The paper's run, or one like it, on one core."""

    def __init__(self, dtype: str, hidden: int = 64, steps: int = 625, written_out: bool = True) -> None:
        model = {"name": "mlp", "hidden": [hidden], "activation": "gelu"}
        examples, shapes = split.split("digits", 197, 0), mlp.shapes(model, 64, 10)
        inputs, labels = jnp.asarray(examples["inputs_train"].astype(dtype)), jnp.asarray(examples["labels_train"])
        theta = jnp.asarray(initial.draw(shapes, seed=0, bias_std=0.125).astype(dtype))
        self.batches = jnp.asarray(stored.batches({}, 1600, 64, steps // 25))
        options = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
        optimizer = training.optimizer(options, {"name": "cosine"}, len(self.batches))
        outputs = problem.outputs(shapes, model)
        generic = training.Gradient(jax.grad(lambda theta, x, y: cross_entropy.value(outputs(theta, x), y)))
        gradient = (problem.gradient(shapes, model, cross_entropy) if written_out else generic).on(inputs, labels)
        self.step, self.start = training.Step(gradient, optimizer), training.State(theta, optimizer.init(theta))
        self.trajectory = trajectory.in_memory(gradient, optimizer, self.start, self.batches)
        self.gflop = 1e-9 * flops([64, hidden, 10], 64) * len(self.batches)  # a column

    def rate(self, chunk: int | None, count: int) -> float:
        """Columns a second, without the first chunk, which also compiles."""
        J = TrainingJacobian(self.trajectory, chunk=chunk)
        marks = [time.perf_counter() for _ in J.pieces(0, count + J.chunk)]
        return count / (marks[-1] - marks[0])


def main() -> None:
    rows = []
    for dtype in ("float32", "float64"):
        written, generic = Run(dtype), Run(dtype, written_out=False)
        for chunk in CHUNKS:
            peaks, ours, theirs = [], [], []
            for _ in range(ROUNDS):
                peaks.append(gemm_peak(dtype))
                ours.append(written.rate(chunk, 128))
                theirs.append(generic.rate(chunk, 128))
            reached = [rate * written.gflop for rate in ours]
            row = {"dtype": dtype, "chunk": chunk, "written out [columns/s]": median(ours)}
            row |= {"jvp of grad [columns/s]": median(theirs), "ratio": median(np.divide(ours, theirs))}
            row |= {"GFLOP/s": median(reached), "GEMM peak [GFLOP/s]": median(peaks)}
            rows.append({**row, "share of peak": median(np.divide(reached, peaks))})
    write(pd.DataFrame(rows), "products")


if __name__ == "__main__":
    main()
