"""The exact bulk: directions that no gradient ever touches, so that J v = v whatever the labels or the steps.

It is measured.  Of some models a part has a closed form, their `untouched` (models/mlp.py; the paper, section 4, has
only the numerical bulk), which is told beside it and must lie in it.  It holds where the optimizer keeps what no
gradient touches, as SGD does.  More is exact where units of ReLU are off, on all examples or on so many that the others
are dependent.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from training_jacobian.learning.components import chosen
from training_jacobian.learning.layout import shapes_of

EXACT = 1e-10  # |J v - v| below this counts as exact; rounding in float64 leaves about 1e-14
ROUNDING = 1000  # eps sigma_1 that rounding may leave: 4 in the main run, 190 seen near divergence
HIDDEN = 1e-6  # where rounding leaves more, exact and nearly exact directions cannot be told apart
NEAR = 0.03  # |sigma - 1| that is looked at, where rounding is the limit; the lower rounding is, the less
LEAK = 1e-6  # part of a direction taken out below which a row is left as it is


class ExactBulk(NamedTuple):
    """Of one run, each None if there is none."""

    measured: np.ndarray | None  # orthonormal basis (N, e)
    predicted: int | None  # directions in closed form
    defect: float | None  # max |J b - b| over these


def rounding(S: np.ndarray, dtype: str) -> float:
    """Most that rounding makes of |J v - v|, v exact, for a J with singular values S (N,) computed in `dtype`."""
    return ROUNDING * float(np.finfo(dtype).eps) * max(1.0, float(S.max()))


def limit(S: np.ndarray, dtype: str) -> float:
    """|J v - v| below which v counts as exact."""
    return max(EXACT, rounding(S, dtype))


def measure(U: np.ndarray, S: np.ndarray, Vt: np.ndarray, dtype: str) -> np.ndarray | None:
    """Orthonormal basis (N, e) float64 of the directions with |J v - v| < 1e-10, J = U diag(S) Vt computed in `dtype`.

    Where rounding is above 1e-10, sigma_1 being large, it is the limit; None where it is above 1e-6, as in float32.

    sigma = 1 does not make a direction exact: turned by a small angle a it has |sigma - 1| = O(a^2), and |J v - v| = a.
    Nor are exact directions singular vectors: the SVD mixes them with others by about rounding / |sigma - 1|.  So it is
    the null space of J - I on the span of the singular directions that are near enough to 1 for this to count.  That
    these are near 1 asks the same of J^T: second derivatives are symmetric, so what no gradient touches stays on
    either side.
    """
    most = limit(S, dtype)
    if most > HIDDEN:
        return None
    near = np.abs(S - 1) < NEAR * rounding(S, dtype) / most
    V = Vt[near].T
    _, moved, Wt = np.linalg.svd(np.linalg.qr(U[:, near] * S[near] - V, mode="r"))
    return V @ Wt[moved < most].T


def defect(U: np.ndarray, S: np.ndarray, Vt: np.ndarray, basis: np.ndarray) -> float:
    """max_b |J b - b| over the columns of `basis` (N, b): zero but for rounding if the prediction holds."""
    return float(np.linalg.norm((U * S) @ (Vt @ basis) - basis, axis=0).max(initial=0))


def keeps_untouched(optimizer: dict[str, Any]) -> bool:
    """Whether an optimizer, by its parameters, leaves what no gradient touches as it is."""
    return bool(chosen("optimizers", optimizer).keeps_untouched(optimizer))


def untouched(parameters: dict[str, Any], inputs: np.ndarray) -> np.ndarray | None:
    """Orthonormal basis (N, b) of what provably no gradient on `inputs` (n, d) touches; None without a closed form.

    Inputs in bytes stand for what the network sees, 255 for 1.
    """
    if "model" not in parameters:
        return None  # a network of one's own, in a session
    if inputs.dtype == np.uint8:
        inputs = inputs / 255
    closed_form = getattr(chosen("models", parameters["model"]), "untouched", None)
    if closed_form is None:
        return None
    classes = chosen("datasets", parameters["data"]).CLASSES
    gauge = chosen("losses", parameters["loss"]).gauge(classes)
    made: np.ndarray = closed_form(shapes_of(parameters["data"], parameters["model"]), inputs, gauge)
    return made


def predicted(parameters: dict[str, Any], inputs: np.ndarray) -> np.ndarray | None:
    """As `untouched`, of a run; None also if its optimizer moves such directions."""
    found = untouched(parameters, inputs)
    return found if found is not None and keeps_untouched(parameters["training"]["optimizer"]) else None


def _outside(directions: np.ndarray, found: np.ndarray) -> float:
    return float(np.linalg.norm(directions - found @ (found.T @ directions), axis=0).max(initial=0))


def of_run(parameters: dict[str, Any], inputs: np.ndarray, parts: dict[str, np.ndarray]) -> ExactBulk:
    """Of a run with these parameters, by section, training inputs (n, d), and SVD `U`, `S`, `Vt`.

    Raises ArithmeticError if J does not keep what is predicted, or has it outside of what is measured.
    """
    U, S, Vt, dtype = parts["U"], parts["S"], parts["Vt"], parameters["training"]["dtype"]
    found, directions = measure(U, S, Vt, dtype), predicted(parameters, inputs)
    if directions is None:
        return ExactBulk(found, None, None)
    moved, most = defect(U, S, Vt, directions), rounding(S, dtype)
    if not moved <= most:
        raise ArithmeticError(wrong(parameters["model"], f"|J b - b| is up to {moved:.1e}, by rounding {most:.1e}"))
    outside = 0.0 if found is None else _outside(directions, found)
    # of a b that J moves by so little, this much may lie in directions v with |J v - v| just above the limit
    if outside > max(LEAK, 2 * moved / limit(S, dtype)):
        raise ArithmeticError(wrong(parameters["model"], f"a part {outside:.1e} lies outside of what J keeps"))
    return ExactBulk(found, directions.shape[1], moved)


def wrong(model: dict[str, Any], why: str) -> str:
    """Message about a prediction that does not hold for `model`, its parameters."""
    options = ", ".join(f"{name} {value}" for name, value in model.items() if name != "name")
    return (
        f"the exact bulk predicted for the model {model['name']} ({options}) is none: {why}; "
        "its `untouched`, which predicts it, is wrong"
    )


def are_exact(Vt: np.ndarray, found: ExactBulk) -> np.ndarray | None:
    """Which right singular vectors, rows of Vt (N, N), are of the measured exact bulk; None where rounding hides it."""
    return None if found.measured is None else np.sum((Vt @ found.measured) ** 2, axis=1) > 0.5


def to_take_out(parameters: dict[str, Any], inputs: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    """The measured one (N, e) of `of_run`.  Raises ArithmeticError if rounding hides it."""
    found = of_run(parameters, inputs, parts).measured
    if found is None:
        raise ArithmeticError(
            f"sigma_1 = {parts['S'].max():.1e} of J, in {parameters['training']['dtype']}: rounding hides its exact "
            "bulk, which is to be taken out; lower the learning rate or compare other runs"
        )
    return found


def take_out(rows: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Ordered orthonormal `rows` (m, N) without the orthonormal columns `taken` (N, b), which lie in their span.

    The rows up to the last that has a part above 1e-6 in `taken` become a basis of what they span beside it.  It keeps
    their order: a row without such a part stays, but for its sign, and what is left of the others lies at their mean
    place.  The rows after those stay.  Returns (m - b, N).
    """
    part = np.linalg.norm(rows @ taken, axis=1)
    block = int(np.flatnonzero(part > LEAK).max(initial=-1)) + 1
    left = scipy.linalg.svd(rows[:block] @ taken, check_finite=False)[0][:, taken.shape[1] :]
    order = np.linalg.eigh(left.T @ (np.arange(block)[:, None] * left))[1]
    return np.concatenate([(left @ order).T @ rows[:block], rows[block:]])
