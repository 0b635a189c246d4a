"""The Hessian of the loss on the whole training set along a training: its top eigenpairs, and where gradients lie.

Gur-Ari, Roberts and Dyer (arXiv 1812.04754).  The top space is that of the k largest eigenvalues, k the number of
classes unless `space` says otherwise; f_top is the part of |g|^2 in it, g the gradient on the whole training set.
"""

from typing import Any, Literal

from pydantic import Field

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import Count, Section, Seed, refuse

# the default: more where training changes fastest
STEPS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 400, 1000, 2000, 4000, 10000, 20000, 40000, 100000]
LANCZOS = 5  # products a pair and checkpoint, as seen on digits and MNIST


class Hessian(Section):
    pairs: int = Field(ge=2, le=10**4, description="top eigenpairs at each checkpoint: at least twice the classes")
    every: Count = Field(description="steps between two at which gradient and overlaps are measured")
    spaces_every: Count = Field(description="steps between two at which the top space is computed: f_top")
    checkpoints: list[int] = Field(
        default=[],
        description="steps whose top spaces are compared; by default 0, the last, and some of 1, 2, 5, 10, ... between",
    )
    space: Count | None = Field(default=None, description="k, the dimension of the top space; the number of classes")
    dtype: Literal["float32", "float64"] = Field(default="float64", description="of the products with H")
    tolerance: float = Field(gt=0, lt=1, description="largest residual of an eigenpair, as a part of the largest one")
    products: Count = Field(description="at most so many products with H at a checkpoint")
    seed: Seed = Field(description="of the random directions")


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if there are not as many eigenpairs, or not enough asked for, or a step is none."""
    k = settings.space or run.facts("data").CLASSES
    if settings.pairs < 2 * k:
        refuse(f"hessian.pairs = {settings.pairs} is below {2 * k}, the top {k} and the next {k}; raise it")
    if settings.pairs >= run.size:
        refuse(f"hessian.pairs = {settings.pairs} is not below the {run.size} parameters; lower it")
    for step in settings.checkpoints:
        if not 0 <= step <= run.steps:
            refuse(f"hessian.checkpoints: there is no step {step} in 0..{run.steps}; correct it")


def spaces(needs: Any) -> float:
    """How many top spaces are computed."""
    settings = needs.settings("hessian")
    several = settings.checkpoints or [step for step in STEPS if step < needs.run.steps]
    return float(needs.run.steps / settings.spaces_every + len(several) + 2)


def operations(needs: Any) -> float:
    """A product takes 12 for each multiplication; there are those of the spaces, and three a measured step."""
    settings = needs.settings("hessian")
    of_spaces = LANCZOS * settings.pairs * spaces(needs)
    measured = (2 + needs.test_size / needs.train_size) * needs.run.steps / settings.every
    return float(12 * needs.multiplications * needs.train_size * (of_spaces + measured))


def memory(needs: Any) -> int:
    """Bytes: Lanczos' vectors, those of the checkpoints, the examples in float64."""
    settings = needs.settings("hessian")
    vectors = 8 * needs.size * settings.pairs * (4 + len(settings.checkpoints or STEPS))
    return int(JAX + vectors + needs.theta + 3 * needs.examples * 8 // needs.itemsize)


ANALYSIS = Analysis(
    after="train",
    inputs=("data", "train"),
    files=("eigenvalues.csv", "gradient.csv", "persistence.csv", "trace.csv"),
    kinds={
        "hessian_eigenvalues": Kind(
            "eigenvalues.csv",
            "The largest eigenvalues of the Hessian along training: blue the top ones, as many as there are "
            "classes, grey the next. A gap between blue and grey says that a few directions have most of the "
            "curvature.",
        ),
        "hessian_gradient": Kind(
            "gradient.csv",
            "Above: the training loss. Below: which part of the gradient's square lies in the top eigenvectors of "
            "the Hessian (solid), in as many next ones (dashed), and in as many by chance (dotted). Near 1 means "
            "that the gradient lies in this tiny subspace.",
        ),
        "hessian_overlap": Kind(
            "gradient.csv",
            "Cosine of the gradient g and what the Hessian makes of it, H g. Near 1: the gradient is nearly an "
            "eigenvector, or a mix of eigenvectors with like eigenvalues. The random vector shows what chance "
            "gives.",
        ),
        "hessian_persistence": Kind(
            "persistence.csv",
            "How much of a space at one step is still in that space at another step: the top eigenvectors at the "
            "left, the next ones at the right. Yellow is all of it, dark blue nothing. A yellow square says that "
            "the space no longer turns within these steps.",
        ),
    },
    settings=Hessian,
    method=None,
    jax=True,
    threads="quarter",
    long=True,
    memory=memory,
    operations=operations,
    pace=0.3,
    minutes=120,
    smaller="lower hessian.pairs",
    check=check,
    columns=(),
    defaults=lambda size: {
        "pairs": max(2, min(20, size - 1)),
        "every": 5,
        "spaces_every": 5,
        "tolerance": 1e-8,
        "products": 2000,
        "seed": 0,
    },
    asks=("optimizer",),
)
