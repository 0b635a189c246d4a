"""How the Jacobian's cost grows with width and with the number of steps, ours and the paper's way; memory of a block.

Columns a second on one core, from some columns, times N.
"""

from training_jacobian.jobs.threads import hold

hold(1, xla=True)

import re  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402

from common import save, seconds, write  # noqa: E402
from jacobian import ROOT, Copy  # noqa: E402
from products import Run  # noqa: E402

WIDTHS, STEPS = (16, 32, 64, 128, 256), (100, 250, 625, 2500)
COLUMNS = 128


def parameters(hidden: int) -> int:
    """N of 64-hidden-10."""
    return 65 * hidden + 10 * (hidden + 1)


def papers_rate(run: Run, hidden: int) -> float:
    """Columns a second of jax.jvp over the whole training, COLUMNS tangents at once: a part of jax.jacfwd."""
    units = jnp.eye(COLUMNS, parameters(hidden), dtype=run.start.theta.dtype)

    def train(theta: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda s, i: (run.step(s, i), None), run.start._replace(theta=theta), run.batches)[0].theta

    push = jax.jit(jax.vmap(lambda unit: jax.jvp(train, (run.start.theta,), (unit,))[1]))
    push(units).block_until_ready()
    return COLUMNS / seconds(lambda: push(units).block_until_ready())


def block_memory(hidden: int, columns: int) -> float:
    """GiB of a real block job in float64, T = 625."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Copy(Path(temporary))
        given = yaml.safe_load((ROOT / "params.yaml").read_text())
        given["runs"] = {"wide": {"model": {"hidden": [hidden]}}}
        given["figures"]["plots"] = {"bird": {"kind": "bird", "runs": ["wide"]}}
        given["summary"] = None
        (copy.folder / "params.yaml").write_text(yaml.safe_dump(given))
        train, target = (copy.path("wide", stage) for stage in ("train", "jacobian"))
        copy.run(["-m", "snakemake", "--cores", "1", str(train)], 1)
        key = target.parent.name
        command = f"job columns --recipe results/recipes/{key}.json --range 0 {columns}"
        rest = f"--out {target.parent}/columns-0-{columns}.h5 --log log --threads 1 --jax"
        copy.run(["-m", "training_jacobian", *command.split(), *rest.split()], 1)
        return float(re.findall(r"memory ([\d.]+) GiB", (copy.folder / "log").read_text())[0])


def exponent(table: pd.DataFrame, over: str) -> float:
    """Slope of log(whole) over log(size)."""
    return float(np.polyfit(np.log(table[over]), np.log(table["whole [core s]"]), 1)[0])


def figure(table: pd.DataFrame) -> None:
    """Time of the whole Jacobian on one core against width and steps."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(context="paper", style="ticks", palette="colorblind", font_scale=0.8)
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.3), sharey=True)
    for axis, over, label in zip(
        axes, ("width", "steps"), ("hidden units (T = 100)", "steps T (64 units)"), strict=True
    ):
        some = table[table["varied"] == over]
        sns.lineplot(some, x=over, y="whole [core s]", hue="method", style="dtype", marker="o", ax=axis)
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel="whole Jacobian, one core [s]")
        ticks = sorted(some[over].unique())
        axis.set_xticks(ticks, ticks)
        axis.minorticks_off()
    axes[0].legend_.remove()
    sns.move_legend(axes[1], "upper left", bbox_to_anchor=(1, 1), frameon=False)
    sns.despine(fig)
    save(fig, "sizes")


def main() -> None:
    rows = []
    for dtype in ("float32", "float64"):
        for varied, hidden, steps in [("width", h, 100) for h in WIDTHS] + [("steps", 64, t) for t in STEPS]:
            N = parameters(hidden)
            rates = {
                "ours": Run(dtype, hidden, steps).rate(None, COLUMNS),
                "paper's way": papers_rate(Run(dtype, hidden, steps, written_out=False), hidden),
            }
            for method, rate in rates.items():
                row = {"varied": varied, "dtype": dtype, "method": method, "width": hidden, "N": N, "steps": steps}
                rows.append({**row, "columns/s": rate, "whole [core s]": N / rate})
    table = pd.DataFrame(rows)
    write(table, "sizes")
    figure(table)
    for (varied, dtype, method), group in table.groupby(["varied", "dtype", "method"]):
        print(f"{dtype}, {method}: whole Jacobian ~ {varied}^{exponent(group, str(varied)):.2f}")
    print(f"memory of a block of 2432 columns, float64, T = 625, N = 19210: {block_memory(256, 2432):.2f} GiB")


if __name__ == "__main__":
    main()
