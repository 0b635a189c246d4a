"""LeNet-5: milliseconds for one tangent and one step, by batch of 64; patches against XLA's convolutions.

With tangents by jax.jvp of jax.grad, and written out.  On random images: the arithmetic is the same.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from training_jacobian.jobs.threads import hold

hold(int(sys.argv[1]) if len(sys.argv) > 1 else len(os.sched_getaffinity(0)), xla=True)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from common import median, seconds, write  # noqa: E402
from training_jacobian.learning import initial, problem  # noqa: E402
from training_jacobian.learning.gradient import Gradient  # noqa: E402
from training_jacobian.learning.layout import unflatten  # noqa: E402
from training_jacobian.learning.losses import cross_entropy  # noqa: E402
from training_jacobian.learning.models import lenet5  # noqa: E402

BATCH, ROUNDS, STEPS = 200, 3, 5
MODEL = {"name": "lenet5", "activation": "gelu"}


def with_convolutions(parameters: dict, inputs: jax.Array) -> jax.Array:
    """The same network by lax.conv_general_dilated."""
    images = inputs.reshape(-1, 28, 28, 1)
    for layer, padding in (("Conv_0", 2), ("Conv_1", 0)):
        seen = jax.lax.conv_general_dilated(
            images,
            parameters[f"{layer}.kernel"],
            (1, 1),
            [(padding, padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        seen = jax.nn.gelu(seen + parameters[f"{layer}.bias"])
        n, rows, columns, c = seen.shape
        images = seen.reshape(n, rows // 2, 2, columns // 2, 2, c).mean((2, 4))
    seen = images.transpose(0, 3, 1, 2).reshape(len(inputs), -1)
    for layer in range(3):
        seen = seen @ parameters[f"Dense_{layer}.kernel"] + parameters[f"Dense_{layer}.bias"]
        seen = jax.nn.gelu(seen) if layer < 2 else seen
    return seen


def seconds_of_steps(product: Callable[[Any], Any], tangents: Any) -> float:
    """Seconds of one of STEPS products in a row with all tangents, as in a training.

    The linearised step is an argument, as in the workflow: XLA takes half as long again with constants in its place.
    """
    step = lambda product, V: jax.tree.map(lambda v, h: v - 1e-3 * h, V, jax.vmap(product)(V))
    run = jax.jit(lambda product, V: jax.lax.fori_loop(0, STEPS, lambda _, V: step(product, V), V))
    jax.block_until_ready(run(product, tangents))
    return median([seconds(lambda: jax.block_until_ready(run(product, tangents))) for _ in range(ROUNDS)]) / STEPS


def main() -> None:
    shapes, random = lenet5.shapes(MODEL, 784, 10), np.random.default_rng(0)
    inputs, labels = jnp.asarray(random.random((BATCH, 784)), "float32"), jnp.asarray(random.integers(0, 10, BATCH))
    theta = jnp.asarray(initial.draw(shapes, seed=0, bias_std=0.125))
    nets = {
        "patches": lambda theta: lenet5.apply(MODEL, unflatten(theta, shapes), inputs),
        "convolutions of XLA": lambda theta: with_convolutions(unflatten(theta, shapes), inputs),
    }
    np.testing.assert_allclose(*(jax.jit(net)(theta) for net in nets.values()), rtol=0, atol=1e-4)
    losses = {name: lambda theta, net=net: cross_entropy.value(net(theta), labels) for name, net in nets.items()}
    written_out = problem.gradient(shapes, MODEL, cross_entropy)
    gradients = {"patches, tangents written out": lambda parts: written_out.of_parts(parts, inputs, labels)}
    gradients |= {name: Gradient(jax.grad(loss)).of_parts for name, loss in losses.items()}
    rows = []
    for name, gradient in gradients.items():
        split = written_out.split if "written" in name else lambda theta: theta
        for block in (1, 8, 32):
            tangents = split(jnp.asarray(random.standard_normal((block, len(theta))), "float32"))
            product = jax.jit(lambda theta, of=gradient: jax.linearize(of, theta)[1])(split(theta))
            taken = seconds_of_steps(product, tangents)
            rows.append({"by": name, "block": block, "ms a tangent-step, batch 64": 1e3 * taken / block * 64 / BATCH})
            print(rows[-1], flush=True)
    write(pd.DataFrame(rows), "lenet")


if __name__ == "__main__":
    main()
