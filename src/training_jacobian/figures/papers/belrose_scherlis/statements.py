"""What Belrose and Scherlis state (arXiv 2412.07003), as numbers; verdicts: papers/statements.py."""

from training_jacobian.figures.papers.belrose_scherlis.quantities import (
    above_chance,
    aligned,
    cosine,
    count,
    decades,
    directions,
    displaced,
    linear_up_to,
    loss,
    nullity,
    off,
    sigma,
)
from training_jacobian.figures.papers.statements import Statement, around

N = 4810  # parameters of the main run
AXIS = 0.02 * N  # what can be read off an axis of so many directions
LOSSES = [
    *(("complement", 100, 0.22, 0.03), ("bulk", 100, 2.5, 0.1), ("bulk", 2083, 2.05, 0.15)),
    *(("chaotic", 100, 0.22, 0.03), ("stable", 100, 2.3, 0.345), ("stable", 347, 0.65, 0.0975)),
    ("stable", 595, 0.22, 0.033),
]
COSINES = {
    "test": {100: 0.32, 422: 0.71, 744: 0.89, 1066: 0.85, 2033: 0.80, 3000: 0.86},
    "random": {100: 0.12, 422: 0.25, 744: 0.34, 1066: 0.41, 2033: 0.58, 3000: 0.73},
}
INF = float("inf")

STATEMENTS = [
    around("paper", "largest singular value", "code", 20.469, 0.0205, sigma(1)),
    *(
        around("paper", f"directions with |sigma - 1| < {limit:g}", "figure", value, AXIS, count(limit))
        for limit, value in {1e-1: 2959, 1e-2: 1725, 1e-3: 969}.items()
    ),
    Statement("paper", "mean cosine u_i . v_i where |sigma - 1| < 0.01", "figure", None, 0.99, 1, aligned),
    *(
        around(
            "shuffled_labels", f"directions with |sigma - 1| < {limit:g}", "figure", value, 0.05 * value, count(limit)
        )
        for limit, value in {1e-1: 2295, 1e-2: 1141, 1e-3: 677}.items()
    ),
    *(
        around("white_noise", f"directions with |sigma - 1| < {limit:g}", "figure", value, part * value, count(limit))
        for limit, value, part in ((1e-1, 823, 0.08), (1e-2, 146, 0.15), (1e-3, 80, 0.1))
    ),
    # "Consistent across loss functions", says the text, without a number, a loss or a rate.  These ranges were chosen
    # before the run was made: it has all three regions, the bulk has most of the directions, and J turns them as little
    # as the paper's own.  Its rate is the paper's, although the gradient of `mse`, a mean over classes too, is smaller.
    Statement("other_loss", "consistent across losses: bulk directions", "text", None, N / 2, N, directions("bulk")),
    Statement("other_loss", "consistent across losses: chaotic directions", "text", None, 1, N, directions("chaotic")),
    Statement("other_loss", "consistent across losses: stable directions", "text", None, 1, N, directions("stable")),
    Statement("other_loss", "mean cosine u_i . v_i where |sigma - 1| < 0.01", "text", None, 0.99, 1, aligned),
    Statement("paper", "step along v_1 at which linearity ends", "figure", None, 0.02, 0.2, linear_up_to("top")),
    Statement("paper", "step along mid-bulk at which linearity ends", "figure", INF, INF, INF, linear_up_to("bulk")),
    Statement("paper", "response off u for mid-bulk steps up to 100", "figure", None, 0, 0.01, off("bulk", 100)),
    Statement(
        "paper",
        "KL on training inputs: decades mid-bulk is below both ends",
        "figure",
        None,
        4,
        INF,
        decades("train", True),
    ),
    Statement(
        "paper",
        "KL on white noise: decades between any two bins",
        "figure",
        None,
        0,
        1.5,
        decades("white_noise", False),
    ),
    Statement("paper", "|v_i . (theta_T - theta_0)| mid-bulk", "figure", None, 1e-4, 1e-3, displaced(True)),
    Statement("paper", "|v_i . (theta_T - theta_0)| at both ends, at least", "figure", None, 0.05, 1, displaced(False)),
    *(
        around("paper", f"test loss trained in {kind}, k = {k}", "figure", value, uncertainty, loss(kind, k))
        for kind, k, value, uncertainty in LOSSES
    ),
    *(
        around("pfj", f"mean cosine of bulk and PFJ, {inputs}, k = {k}", "figure", value, part, cosine(inputs, k))
        for inputs, part in (("test", 0.04), ("random", 0.01))
        for k, value in COSINES[inputs].items()
    ),
    around("pfj", "nullity of the PFJ on white noise", "code", 65, 0, nullity),
    Statement(
        "seeds", "bulk shared by other seeds: overlap above chance, k near 1e3", "text", None, 0.05, 1, above_chance
    ),
    Statement(
        "labels",
        "bulk shared by shuffled labels: overlap above chance, k near 1e3",
        "text",
        None,
        0.05,
        1,
        above_chance,
    ),
    Statement(
        "inputs",
        "bulk not shared by white noise: overlap above chance, k near 1e3",
        "text",
        None,
        -0.05,
        0.05,
        above_chance,
    ),
]
