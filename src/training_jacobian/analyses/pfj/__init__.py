"""The parameter-function Jacobian (PFJ): its null space against the bulk."""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind, must_fit, must_keep
from training_jacobian.section import Dimensions, Section, Seed, refuse


class Pfj(Section):
    dimensions: Dimensions
    seed: Seed = Field(description="of the white-noise inputs and of the random subspaces")


class Options(Section):
    exact_bulk: Literal["kept", "removed"] = "kept"


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if the run has no PFJ, or none whose null space is small."""
    must_fit("pfj", settings.dimensions, run.size, "the")
    if run.training.dtype != "float64":
        refuse(f"it is in {run.training.dtype}, which hides its exact bulk; choose a float64 run")
    must_keep(run)
    if getattr(run.facts("data"), "REAL", False):
        refuse("it is a regression, whose outputs are no log-probabilities; choose a run with classes")
    if not run.facts("loss").PROBABILITIES:
        loss = run.loss.path if run.loss.name == "file" else run.loss.name
        refuse(f"its outputs are no log-probabilities, its loss being {loss}; choose a run with cross_entropy")
    outputs = min(run.data.test_size, run.data.train_size) * (run.facts("data").CLASSES - 1)
    if outputs < run.size:
        refuse(
            f"it has {outputs} independent outputs on its training or test inputs, fewer than its {run.size} "
            "parameters; change its data.test_size"
        )


def operations(needs: Any) -> float:
    """Six times P^T P and its eigenvectors."""
    outputs = float(max(needs.train_size, needs.test_size) * needs.classes)
    return 6 * (2 * outputs * needs.size**2 + 30 * needs.size**3)


def memory(needs: Any) -> int:
    """Bytes: Vt, both orders of the bulk, the last decomposition; P^T P, its vectors, 2 N^2 for evd; P twice."""
    P = 8 * needs.size * max(needs.train_size, needs.test_size) * needs.classes
    return int(JAX + 19 * needs.matrix // 2 + 2 * P + needs.theta + needs.examples)


ANALYSIS = Analysis(
    after="svd",
    inputs=("data", "train", "svd"),
    files=("spectrum.csv", "overlaps.csv", "nullity.csv"),
    kinds={
        "pfj_spectrum": Kind(
            "spectrum.csv",
            "Singular values of the Jacobian of the network's outputs by its parameters, rising, on several kinds "
            "of inputs; dashed after training. Small ones belong to parameters' directions that change no output.",
        ),
        "pfj_overlap": Kind(
            "overlaps.csv",
            "How much the directions that change the outputs least (bottom of the parameter-function Jacobian) "
            "overlap with the bulk, by dimension k. The dotted line is what a random subspace has; the further "
            "above it, the more the bulk consists of directions that the outputs ignore.",
            options=Options,
        ),
        "pfj_nullity": Kind(
            "nullity.csv",
            "How many directions change no output at all, by inputs. Beside it how many of them are explained: what "
            "the loss ignores, inputs that are always zero, inputs lit too rarely.",
            drawn=False,
        ),
    },
    settings=Pfj,
    jax=True,
    threads="quarter",
    long=True,
    memory=memory,
    operations=operations,
    pace=1.6,  # they are counted as if each decomposition took all that LAPACK says it may
    smaller="lower data.test_size",
    check=check,
    defaults=lambda size: {
        "dimensions": {"start": max(1, size // 48), "stop": max(2, 5 * size // 8), "num": 10},
        "seed": 0,
    },
    asks=("network",),
)
