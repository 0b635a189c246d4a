"""The paper run's J on one core, products with J and with J^T: tangents written out against a loss given to `train`."""

from training_jacobian.jobs.threads import hold

hold(1, xla=True)

import time  # noqa: E402

import numpy as np  # noqa: E402
import optax  # noqa: E402
import pandas as pd  # noqa: E402

from common import median, write  # noqa: E402
from products import Run  # noqa: E402
from training_jacobian.jacobian.operator import TrainingJacobian  # noqa: E402
from training_jacobian.jacobian.recording import train  # noqa: E402
from training_jacobian.learning import split  # noqa: E402
from training_jacobian.learning.layout import unflatten  # noqa: E402
from training_jacobian.learning.models import mlp  # noqa: E402

ROUNDS, VECTORS = 3, 128


def own(run: Run, dtype: str):
    """The same training, from a loss of a dict of parameters."""
    examples, model = split.split("digits", 197, 0), {"name": "mlp", "hidden": [64], "activation": "gelu"}
    params, batches = unflatten(run.start.theta, mlp.shapes(model, 64, 10)), np.asarray(run.batches)

    def loss(params, batch):
        outputs = mlp.apply(model, params, batch[0])
        return optax.softmax_cross_entropy_with_integer_labels(outputs, batch[1]).mean()

    optimizer = optax.sgd(optax.cosine_decay_schedule(0.1, len(batches)), momentum=0.9)
    inputs, labels = examples["inputs_train"].astype(dtype), examples["labels_train"]
    return train(loss, params, optimizer, (inputs[batches], labels[batches]))


def seconds(product, vectors: np.ndarray) -> float:
    """Time of a product, compiled before."""
    product(vectors)
    start = time.perf_counter()
    product(vectors)
    return time.perf_counter() - start


def main() -> None:
    rows = []
    for dtype in ("float32", "float64"):
        run = Run(dtype)
        J = {"written": TrainingJacobian(run.trajectory), "own": TrainingJacobian(own(run, dtype))}
        vectors = np.random.default_rng(0).standard_normal((len(run.start.theta), VECTORS)).astype(dtype)
        off = np.abs(J["written"] @ vectors - J["own"] @ vectors).max()
        for name, product in (("J", "matmat"), ("J^T", "rmatmat")):
            took = {which: [] for which in J}
            for _ in range(ROUNDS):
                for which, each in J.items():
                    took[which].append(seconds(getattr(each, product), vectors))
            row = {"dtype": dtype, "product": name, "written out [s]": median(took["written"])}
            row |= {
                "own [s]": median(took["own"]),
                "own / written out": median(np.divide(took["own"], took["written"])),
            }
            rows.append({**row, "chunk": J["own"].chunk, "largest difference": off})
    write(pd.DataFrame(rows), "own")


if __name__ == "__main__":
    main()
