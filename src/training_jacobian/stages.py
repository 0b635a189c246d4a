"""One function per stage: a recipe and input files in, an artifact out.  All reading and writing of the workflow is here."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from training_jacobian import data, exact_bulk, figures, initial, jacobian, spectrum, store, svd, tables, training
from training_jacobian.datasets import dataset
from training_jacobian.models import model
from training_jacobian.models.mlp import Shapes
from training_jacobian.progress import Progress
from training_jacobian.recipe import Recipe, parameters

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]  # every dtype here is explicit


def _shapes(recipe: Recipe) -> Shapes:
    facts, options = dataset(parameters(recipe)["data"]["name"]), dict(parameters(recipe)["model"])
    name = options.pop("name")
    options.pop("activation")
    shapes: Shapes = model(name).shapes(inputs=facts.INPUTS, classes=facts.CLASSES, **options)
    return shapes


class Problem:
    """Training as a map on the extended state, of a recipe and its data."""

    def __init__(self, recipe: Recipe, examples: dict[str, np.ndarray]) -> None:
        chosen = parameters(recipe)
        self.settings = chosen["training"]
        self.dtype = np.dtype(self.settings["dtype"])
        self.shapes = _shapes(recipe)
        self.logits = training.logits(self.shapes, chosen["model"]["name"], chosen["model"]["activation"])
        self.examples = {
            name: jnp.asarray(values.astype(self.dtype) if values.dtype.kind == "f" else values)
            for name, values in examples.items()
        }
        self.batches = training.batches(
            len(examples["inputs_train"]), self.settings["batch_size"], self.settings["epochs"]
        )
        self.optimizer = training.optimizer(self.settings["optimizer"], self.settings["schedule"], len(self.batches))
        self.step = training.make_step(self.loss, self.optimizer)

    def loss(self, theta: jax.Array, batch: jax.Array) -> jax.Array:
        """Mean cross-entropy of the training examples with the indices `batch` (B,)."""
        inputs, labels = self.examples["inputs_train"][batch], self.examples["labels_train"][batch]
        return training.cross_entropy(self.logits(theta, inputs), labels)

    def start(self, theta: np.ndarray) -> training.State:
        """s_0 from theta_0 (N,)."""
        first = jnp.asarray(theta.astype(self.dtype))
        return training.State(first, self.optimizer.init(first))

    def evaluate(self, theta: jax.Array, part: str) -> tuple[jax.Array, jax.Array]:
        """Loss (nats) and accuracy on `train` or `test`, for each of theta (..., N)."""
        inputs, labels = self.examples[f"inputs_{part}"], self.examples[f"labels_{part}"]

        def one(theta: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = self.logits(theta, inputs)
            return training.cross_entropy(logits, labels), (logits.argmax(-1) == labels).mean()

        return jax.jit(jax.vmap(one))(theta)


def _memory_names(state: training.State) -> list[str]:
    """HDF5 names of the leaves of the optimizer's state, in order, e.g. `optimizer/0.trace`."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(state.optimizer)[0]]
    return ["optimizer/" + jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]


def make_data(recipe: Recipe, out: Path) -> None:
    """`data.h5`: inputs_train (n, d), inputs_test (m, d), labels_train (n,), labels_test (m,)."""
    examples = data.split(**parameters(recipe)["data"])
    store.write_hdf5(out, examples, recipe, dtype=str(examples["inputs_train"].dtype))


def make_train(recipe: Recipe, data_file: Path, theta_file: Path | None, out: Path) -> None:
    """`train.h5`: theta (T+1, N), optimizer/* (T+1, ...), batches (T, B), and losses and accuracies at each epoch's end."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    options = dict(parameters(recipe)["initial"])
    if options.pop("name") == "file":
        assert theta_file is not None
        theta = initial.read(theta_file, problem.shapes)
    else:
        theta = initial.draw(problem.shapes, **options)
    states = training.trajectory(problem.step, problem.start(theta), jnp.asarray(problem.batches))
    per_epoch = len(problem.batches) // problem.settings["epochs"]
    steps = np.arange(0, len(problem.batches) + 1, per_epoch)
    datasets = {
        "theta": np.asarray(states.theta),
        **{
            name: np.asarray(leaf)
            for name, leaf in zip(_memory_names(states), jax.tree.leaves(states.optimizer), strict=True)
        },
        "batches": problem.batches,
        "epochs/step": steps,
    }
    for part in ("train", "test"):
        loss, accuracy = problem.evaluate(states.theta[steps], part)
        datasets |= {f"epochs/{part}_loss": np.asarray(loss), f"epochs/{part}_accuracy": np.asarray(accuracy)}
    store.write_hdf5(out, datasets, recipe, dtype=str(problem.dtype))


def read_states(recipe: Recipe, train_file: Path, problem: Problem) -> training.State:
    """The stored states 0..T, stacked: theta (T+1, N) and the optimizer's."""
    theta = store.read_hdf5(train_file, recipe, "train", ["theta"])["theta"]
    template = problem.start(theta[0])
    names = _memory_names(template)
    memory = store.read_hdf5(train_file, recipe, "train", names)
    structure = jax.tree.structure(template.optimizer)
    return training.State(jnp.asarray(theta), structure.unflatten([jnp.asarray(memory[name]) for name in names]))


def make_columns(recipe: Recipe, data_file: Path, train_file: Path, first: int, last: int, out: Path) -> None:
    """`columns-<first>-<last>.h5`: columns (N, last - first) of J."""
    problem = Problem(recipe, store.read_hdf5(data_file, recipe, "data"))
    states = read_states(recipe, train_file, problem)
    before = jax.tree.map(lambda leaf: leaf[:-1], states)
    progress = Progress(f"Jacobian columns {first}-{last}", last - first, "columns")
    block = jacobian.columns(problem.step, before, jnp.asarray(problem.batches), first, last, advance=progress.advance)
    store.write_hdf5(out, {"columns": block}, recipe, dtype=str(block.dtype), first=first)


def make_jacobian(recipe: Recipe, blocks: list[Path], out: Path) -> None:
    """`jacobian.h5`: J (N, N), gathered from the column blocks; J[i, j] = d theta_T[i] / d theta_0[j]."""
    parts = [store.read_hdf5(block, recipe, "jacobian")["columns"] for block in blocks]
    J = np.concatenate(parts, axis=1)
    if J.shape[0] != J.shape[1]:
        raise store.ArtifactError(
            f"{out}: the column blocks make a {J.shape} matrix; delete {out.parent} and run again"
        )
    store.write_hdf5(out, {"J": J}, recipe, dtype=str(J.dtype))
    store.write_recipe(out.parent, recipe)


def make_svd(recipe: Recipe, jacobian_file: Path, out: Path) -> None:
    """`svd.h5`: U (N, N), S (N,), Vt (N, N), S_minus_identity (N,), residual ()."""
    J = store.read_hdf5(jacobian_file, recipe, "jacobian")["J"]
    store.write_hdf5(out, svd.decompose(J), recipe, dtype="float64", dtype_of_J=str(J.dtype))


def make_spectrum(recipe: Recipe, data_file: Path, train_file: Path, svd_file: Path, out: Path) -> None:
    """Folder with `directions.csv`, `counts.csv`, `identity.csv` and `summary.json`."""
    parts = store.read_hdf5(svd_file, recipe, "svd")
    U, S, Vt, S_minus_identity = parts["U"], parts["S"], parts["Vt"], parts["S_minus_identity"]
    inputs = store.read_hdf5(data_file, recipe, "data", ["inputs_train"])["inputs_train"]
    epochs = store.read_hdf5(
        train_file, recipe, "train", ["epochs/test_loss", "epochs/test_accuracy", "epochs/train_loss"]
    )
    settings, dtype = parameters(recipe)["spectrum"], parameters(recipe)["training"]["dtype"]
    basis = exact_bulk.basis(_shapes(recipe), inputs)
    directions = spectrum.directions(U, S, Vt, settings["bulk_tolerance"])
    summary: dict[str, Any] = {
        "parameters": len(S),
        **{f"sigma_{i + 1}": float(S[i]) for i in range(min(3, len(S)))},
        **{
            f"{region}_directions": int((directions["region"] == region).sum())
            for region in ("chaotic", "bulk", "stable")
        },
        "exact_bulk_predicted": basis.shape[1],
        "exact_bulk_measured": spectrum.exact_bulk_count(S, dtype),
        "exact_bulk_defect": exact_bulk.defect(U, S, Vt, basis),
        "svd_residual": float(parts["residual"]),
        **{name.removeprefix("epochs/"): float(values[-1]) for name, values in epochs.items()},
    }
    store.write_csv(out / "directions.csv", directions)
    store.write_csv(out / "counts.csv", spectrum.counts(S, S_minus_identity, settings["thresholds"]))
    store.write_csv(out / "identity.csv", spectrum.identity(S_minus_identity))
    store.write_json(out / "summary.json", summary)
    store.write_recipe(out, recipe)


def make_figure(recipe: Recipe, folders: list[Path], out: list[Path]) -> None:
    """A figure (.pdf and .png) or the table of runs (.csv), from the spectrum folders of its runs in their order."""
    spectra = dict(zip([run for run, _ in recipe["spectra"]], folders, strict=True))
    with ExitStack() as stack:
        partial = [stack.enter_context(store.whole(path)) for path in out]
        if recipe["parameters"]["kind"] == "table":
            tables.runs(spectra).to_csv(partial[0], index=False, lineterminator="\n")
        else:
            directions = {run: pd.read_csv(folder / "directions.csv") for run, folder in spectra.items()}
            exact = {run: json.loads((folder / "summary.json").read_text()) for run, folder in spectra.items()}
            predicted = {run: summary["exact_bulk_predicted"] for run, summary in exact.items()}
            formats = {path.suffix[1:]: target for path, target in zip(out, partial, strict=True)}
            figures.draw(recipe["parameters"]["kind"], directions, predicted, recipe["parameters"]["style"], formats)
    store.write_recipe(out[0].parent, recipe)
