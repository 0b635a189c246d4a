"""How training answers a perturbed start, where J is not formed."""

from typing import Any

from training_jacobian.declaration import JAX, Analysis, Kind
from training_jacobian.section import refuse

SECTION = "perturbation"  # it asks the same, of other directions


def starts(needs: Any) -> int:
    """Trainings: one from theta_0, and one for each of three directions and each size."""
    return int(1 + 3 * needs.settings(SECTION).sizes.num)


def check(settings: Any, run: Any, first: Any) -> None:
    """Raise if there are no triplets of J."""
    if "J" not in run.svd.operators:
        refuse("svd.operators lacks 'J', whose v_1 it needs; add it")


def memory(needs: Any) -> int:
    """Bytes: products, two trainings at a time, all starts and ends."""
    vectors = 2 * needs.run.svd.rank + needs.settings("density").probes + 6 * starts(needs)
    return int(JAX + needs.products(2) + needs.trained(2) + 8 * needs.size * vectors)


ANALYSIS = Analysis(
    after="density",
    inputs=("data", "train", "triplets", "density"),
    files=("responses.csv", "linearity.csv"),
    kinds={
        "responses": Kind(
            "responses.csv",
            "How training answers a start that is moved along a direction, where J is not formed: the most "
            "chaotic one, one of the bulk, and a random one. Circles: the part of the answer along u, squares: "
            "off it, dashed: what J predicts. Where the circles leave the dashed line, training is no longer "
            "linear.",
        ),
        "responses_linearity": Kind(
            "linearity.csv",
            "For each direction the first size of a step at which the answer is off by more than the tolerance. "
            "Empty means that it is linear up to the largest size tried.",
            drawn=False,
        ),
    },
    reads=(SECTION,),
    method="partial",
    jax=True,
    threads="products",
    memory=memory,
    operations=lambda needs: needs.training * starts(needs),
    pace=0.3,
    minutes=240,
    smaller=f"lower {SECTION}.sizes.num",
    check=check,
)
