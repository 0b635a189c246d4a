"""What Gur-Ari et al. and Song et al. state, as numbers, and what we saw; verdicts: papers/statements.py.

Table 1 is read to +- .03.  What is `ours` was seen by an independent program before this one was written.
"""

from training_jacobian.figures.papers.gur_ari.quantities import (
    at_end,
    at_start,
    deviation_late,
    end_beside_plain,
    flat,
    last_vector,
    least,
    mean_late,
    off_count,
    overlap,
    persistence,
    share,
)
from training_jacobian.figures.papers.statements import Quantity, Statement, around

TABLE_1 = {
    "softmax": 0.96,
    "fc": 0.96,
    "fc_softplus": 0.96,
    "fc_slow": 0.96,
    "fc_large_batch": 0.97,
    "fc_random_labels": 0.86,
    "sine": 0.99,
    "convnet_random_labels": 0.86,
    "convnet_adam": 0.89,
}

BULK = 2700  # directions of the digits' bulk, |sigma - 1| < .1, without the exact ones
PROJECTED = [
    ("training", "in the top space, end / switch: stops", "text", 0.95, 1.05, flat, "dominant"),
    ("training", "in a random space, end / switch", "ours", 0.95, 1.05, flat, "random"),
    ("training", "out of the top space, end / SGD's", "text", 0.8, 1.25, end_beside_plain, "bulk"),
    ("test", "out of the top space, end / SGD's", "text", 0.9, 1.1, end_beside_plain, "bulk"),
]


def between(part: str, text: str, source: str, low: float, high: float, ours: Quantity) -> Statement:
    """Without a published number."""
    return Statement(part, text, source, None, low, high, ours)


STATEMENTS = [
    *(
        around(part, "mean overlap(g, Hg) of the last 1000 steps", "table", value, 0.03, mean_late("overlap"))
        for part, value in TABLE_1.items()
    ),
    *(
        between(part, "standard deviation of these overlaps", "ours", 0, 0.1, deviation_late("overlap"))
        for part in TABLE_1
    ),
    *(
        between(part, "f_top late in training: close to 1", "text", 0.9, 1, mean_late("f_top"))
        for part in ("fc", "sgd")
    ),
    between("fc", "f_top at the start: small", "text", 0, 0.5, at_start("f_top")),
    between("momentum", "f_top at the start: not small", "ours", 0.5, 1, at_start("f_top")),
    between("momentum", "f_top falls before it rises: least until step 20", "ours", 0, 0.2, least("f_top", 20)),
    between("momentum", "f_top after the schedule's tail", "ours", 0, 0.05, at_end("f_top")),
    between("full_batch", "f_top late, without noise: falls", "ours", 0, 0.1, mean_late("f_top")),
    between("full_batch", "overlap late, without noise: stays, so is no proxy", "ours", 0.5, 1, mean_late("overlap")),
    *(
        between(part, "what the k-th eigenvector adds to f_top late", "ours", 0, 0.01, last_vector)
        for part in ("momentum", "sgd", "fc")
    ),
    *(
        between(part, f"persistence of the top space from step 100 on{but}", "figure", low, 1, persistence(space, 100))
        for part, low in (("sgd", 0.5), ("fc", 0.5))
        for space, but in (("top", ""), ("top_less_one", ", but for its last vector"))
    ),
    *(
        between(part, "persistence of the next space from step 100 on", "figure", 0, 0.5, persistence("next", 100))
        for part in ("sgd", "fc")
    ),
    *(
        between(part, f"{of} loss {where}", source, low, high, ours(kind, f"{of}_loss".replace("training", "train")))
        for part in ("sgd", "momentum", "song")  # "so too with momentum", says the text
        for of, where, source, low, high, ours, kind in PROJECTED
    ),
    *(
        between(
            "momentum", f"exp(-sum w H): count below {limit:g} off J's", "ours", 0, 0.01, off_count("summed", limit)
        )
        for limit in (1e-1, 1e-2)
    ),
    between("momentum", "exp(-sum w H): overlap of bulks, beside J's own", "ours", 0.97, 1.03, overlap("summed", BULK)),
    between("momentum", "initial Hessian: overlap of bulks, beside J's own", "ours", 0, 0.8, overlap("initial", BULK)),
    between("momentum", "last top space in J's left stable space", "ours", 0.99, 1, share("left", "stable")),
    between("momentum", "last top space in J's left bulk", "ours", 0, 0.01, share("left", "bulk")),
]
