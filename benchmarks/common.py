"""What the benchmarks share: the work counted from shapes, the machine's GEMM peak, tables."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"


def flops(widths: list[int], batch: int) -> int:
    """Floating-point operations of one Hessian-vector product of an MLP: one column, one step.

    2 B m n for each product of an (m, n) kernel, or of something of its shape, with B examples.  Per layer W' a and
    g' a^T; in all layers but the first also W a', W^T g', W'^T g and g a'^T (formulas: learning/layered.py).
    """
    sizes = [m * n for m, n in pairwise(widths)]
    return 2 * batch * (2 * sum(sizes) + 4 * sum(sizes[1:]))


def gemm_peak(dtype: str) -> float:
    """GFLOP/s of XLA's GEMM on the threads of this process: the best of three shapes and ten tries."""
    import jax
    import jax.numpy as jnp

    rates = []
    for m, k, n in [(2048, 2048, 2048), (1024, 1024, 1024), (4096, 64, 64)]:
        product = jax.jit(jnp.matmul)
        A, B = jnp.ones((m, k), dtype), jnp.ones((k, n), dtype)
        again = max(1, int(2e9 / (2 * m * k * n)))  # about as much work for each shape

        def run(product: Callable = product, A: jax.Array = A, B: jax.Array = B, again: int = again) -> None:
            for _ in range(again):
                last = product(A, B)
            last.block_until_ready()

        run()
        rates += [again * 2e-9 * m * k * n / seconds(run) for _ in range(10)]
    return max(rates)


def seconds(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def write(table: pd.DataFrame, name: str) -> None:
    """Print a table and write it to benchmarks/results/<name>.csv."""
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.to_string(index=False, float_format="{:.3g}".format), flush=True)
    print(f"written: {RESULTS / name}.csv\n", flush=True)


def save(figure: "object", name: str) -> None:
    """PDF and PNG in benchmarks/results/."""
    for suffix in ("pdf", "png"):
        figure.savefig(RESULTS / f"{name}.{suffix}", dpi=200, bbox_inches="tight")  # type: ignore[attr-defined]


median = statistics.median
