"""The solvable model of Gur-Ari, Roberts and Dyer (arXiv 1812.04754) against its closed form.

Gaussians around orthonormal means mu_1, ..., mu_k, softmax regression, the mean loss, all examples as one batch,
gradient descent of rate eta from theta = 0.  Without spread all margins z_c - z_j, j != c, of class c are the same
number a, and epsilon = 1 / (e^a + k - 1) is the probability of each wrong class.  Of two classes without biases:

    K_1 - K_2 = a (mu_1 - mu_2),  a <- a + eta epsilon:  e^a = eta t and epsilon = 1 / (eta t) to leading order;
    g_1 = epsilon / 2 (mu_2 - mu_1) = -g_2;
    H = epsilon (1 - epsilon) / 2 [[1, -1], [-1, 1]] (x) (mu_1 mu_1^T + mu_2 mu_2^T), eigenvalue epsilon (1 - epsilon).

So g_1 = (mu_2 - mu_1) / (2 eta t); shared/PAPER.md has 2 (mu_2 - mu_1) / (eta t), four times what goes with its own H.
From K_1 = a / 2 (mu_1 - mu_2) alone, -eta g_1 = dK_1 / dt = (mu_1 - mu_2) / (2 t).  With another scale of the loss
epsilon is another, and g and H are the same.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from training_jacobian.analyses.hessian import compute as hessian
from training_jacobian.analyses.hessian.columns import columns
from training_jacobian.analyses.hessian.figures import shown
from training_jacobian.artifacts import store
from training_jacobian.figures.frame import FLOOR
from training_jacobian.jacobian import trajectory
from training_jacobian.learning import problem
from training_jacobian.learning.datasets import gaussians
from training_jacobian.learning.models import linear
from training_jacobian.learning.whole import classes as classes_of
from training_jacobian.learning.whole import of_training_set

LINEAR, BIASED = {"name": "linear"}, {"name": "mlp", "hidden": [], "activation": "gelu"}
D, ETA, STEPS = 8, 0.5, 2000
LATE = 2 * np.log(ETA * STEPS) / (ETA * STEPS)  # what the leading order leaves out: a / (eta t), a = log(eta t)
EXACT = 1e-10
SETTINGS = {"tolerance": 1e-8, "products": 2000, "seed": 0, "every": STEPS, "spaces_every": STEPS}


def trained(classes=2, spread=0.0, examples=40, model=LINEAR, turned=None):
    """The problem, and its states through gradient descent from 0; `turned` (d, d) changes inputs, so means."""
    sizes = {"train_size": examples, "test_size": classes}
    section = {"classes": classes, "inputs": D, **sizes, "spread": spread, "seed": 0}
    made = gaussians.examples(section)
    if turned is not None:
        made |= {name: values @ turned for name, values in made.items() if name.startswith("inputs")}
    parameters = {
        "data": {"name": "gaussians", **section},
        "model": model,
        "loss": {"name": "cross_entropy"},
        "order": {"name": "stored"},
        "training": {
            "optimizer": {"name": "sgd", "learning_rate": ETA, "momentum": 0.0},
            "schedule": {"name": "constant"},
            "epochs": STEPS, "batch_size": examples, "dtype": "float64",
        },
    }  # fmt: skip
    of = problem.Problem(parameters, made)
    return of, trajectory.in_memory(of.gradient, of.optimizer, of.start(np.zeros(of.size)), of.batches)


def thetas(run):
    return np.asarray(run.rows(0, run.steps + 1).theta)


def at_end(of, run):
    """Gradient (N,) and Hessian (N, N) of the whole loss at the end."""
    whole, end = of_training_set(of), thetas(run)[-1]
    return whole.loss_and_gradient(end)[1], whole.products(end, np.eye(of.size))


def analysed(of, run, checkpoints=(1,)):
    """Tables of the analysis `hessian`: the row of the end, and the eigenvalues there."""
    settings = {**SETTINGS, "pairs": 2 * classes_of(of), "checkpoints": list(checkpoints)}
    made = hessian.compute(SimpleNamespace(problem=of, trajectory=lambda: run), settings)
    eigenvalues = made["eigenvalues.csv"]
    return made["gradient.csv"].iloc[-1], eigenvalues[eigenvalues["step"] == STEPS]["eigenvalue"].to_numpy()


def margins():
    """a of all steps (T + 1,) of two classes, by the recursion."""
    a = [0.0]
    for _ in range(STEPS):
        a.append(a[-1] + ETA / (np.exp(a[-1]) + 1))
    return np.array(a)


def closed_form(epsilon):
    """g (2 d,) and H (2 d, 2 d) of two classes without biases, theta = kernel (d, 2) row-major."""
    mu_1, mu_2 = np.eye(D)[:2]
    g = epsilon / 2 * np.stack([mu_2 - mu_1, mu_1 - mu_2], axis=1)
    means = np.outer(mu_1, mu_1) + np.outer(mu_2, mu_2)
    return g.ravel(), np.kron(means, np.array([[1, -1], [-1, 1]])) / 2


@pytest.fixture(scope="module")
def two():
    return trained()


@pytest.fixture(scope="module")
def crooked():
    """Negative control: means of norm 1 that are not orthogonal, mu_1 . mu_2 = 1/2."""
    turned = np.eye(D)
    turned[1, :2] = 0.5, np.sqrt(0.75)
    return trained(turned=turned)


def off(found, wanted):
    """Largest difference, as a part of the largest number."""
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def test_recursion_is_what_training_does(two, crooked):
    a = margins()
    by_hand = a[:, None] / 2 * np.kron(np.eye(D)[0] - np.eye(D)[1], [1, -1])
    assert off(thetas(two[1]), by_hand) < EXACT
    assert off(thetas(crooked[1]), by_hand) > 0.1


def test_gradient_and_hessian(two, crooked):
    """Exactly, by the recursion; and to leading order in 1 / (eta t)."""
    epsilon = 1 / (np.exp(margins()[-1]) + 1)
    (g, H), (g_wanted, H_wanted) = at_end(*two), closed_form(epsilon)
    assert off(g, g_wanted) < EXACT
    assert off(H, epsilon * (1 - epsilon) * H_wanted) < EXACT
    leading = 1 / (ETA * STEPS)
    assert 0 < off(g, closed_form(leading)[0]) < LATE
    assert 0 < off(H, leading * H_wanted) < LATE
    assert off(g, 4 * closed_form(leading)[0]) > 0.7  # the constant in PAPER.md
    for found, wanted in zip(at_end(*crooked), (closed_form(leading)[0], leading * H_wanted), strict=True):
        assert off(found, wanted) > 0.3


def test_rank_flat_directions_and_decay(two):
    """Two eigenvalues 1 / (eta t), 2 d - 2 that are 0; these are the directions that no gradient ever touches."""
    of, run = two
    values = np.linalg.eigvalsh(at_end(of, run)[1])[::-1]
    np.testing.assert_allclose(values[:2] * ETA * STEPS, 1, atol=LATE)
    assert np.abs(values[2:]).max() < EXACT * values[0]
    flat = linear.untouched(of.shapes, np.asarray(of.examples["inputs_train"]), of.loss.gauge(2))
    assert flat.shape == (2 * D, 2 * D - 2)
    assert np.abs(at_end(of, run)[1] @ flat).max() < EXACT * values[0]
    half = of_training_set(of).hessian(thetas(run)[STEPS // 2]) @ np.eye(of.size)
    assert np.linalg.eigvalsh(half)[-1] / values[0] == pytest.approx(2, rel=LATE)
    more = np.linalg.eigvalsh(at_end(*trained(spread=0.1))[1])[::-1]  # negative control: not flat
    assert more[2] > 1e-3 * more[0]


def test_gradient_lies_in_the_top_space(two):
    """f_top = 1; with variance 0.2 it goes to 0 late, while the overlap of g and H g stays near 1: no proxy for it."""
    end, values = analysed(*two)
    assert end["f_top"] == pytest.approx(1, abs=EXACT)
    assert end["overlap"] == pytest.approx(1, abs=EXACT)
    assert values[0] == pytest.approx(values[1], rel=EXACT)
    wide, _ = analysed(*trained(spread=np.sqrt(0.2)))
    assert wide["f_top"] < 1e-3
    assert wide["overlap"] > 0.99


def test_bulk_grows_like_the_square_of_the_spread():
    """Of the largest eigenvalue outside of the top space, on log axes, but for O(spread); the top ones hardly move."""
    spreads = np.array([0.0003, 0.001, 0.003])
    found = np.array([analysed(*trained(spread=spread))[1] for spread in spreads])
    slopes = np.diff(np.log(found), axis=0) / np.diff(np.log(spreads))[:, None]
    np.testing.assert_allclose(slopes[:, 2], 2, atol=0.01)

    np.testing.assert_allclose(slopes[:, :2], 0, atol=0.01)  # negative control


def test_bulk_of_more_classes_is_there_without_spread():
    """k (k - 2) eigenvalues epsilon / k beside the k of the top, epsilon: that the bulk is O(spread^2) is of k = 2."""
    of, run = trained(classes=4)
    values = np.linalg.eigvalsh(at_end(of, run)[1])[::-1] * ETA * STEPS
    np.testing.assert_allclose(values[:4], 1, rtol=2 * LATE)
    np.testing.assert_allclose(values[4:12], 1 / 4, rtol=2 * LATE)
    assert np.abs(values[12:]).max() < EXACT


def test_what_tables_and_figures_say(two, tmp_path):
    """The largest eigenvalue outside of the top space; what is 0 but for rounding has a place on a logarithmic axis."""
    settings = {**SETTINGS, "pairs": 4, "checkpoints": [1]}
    found = hessian.compute(SimpleNamespace(problem=two[0], trajectory=lambda: two[1]), settings)
    table = found["eigenvalues.csv"].reset_index(drop=True)
    table["eigenvalue"] = [0.5, 0.4, 1e-16, -1e-16, 0.3, 0.2, 0.1, -0.05]
    for name, each in {**found, "eigenvalues.csv": table}.items():
        store.write_csv(tmp_path / name, each)
    told = columns(tmp_path, settings)
    assert (told["hessian_largest"], told["hessian_next"]) == (0.3, 0.1)
    assert list(shown(table)["eigenvalue"]) == [0.5, 0.4, FLOOR, FLOOR, 0.3, 0.2, 0.1]


@pytest.mark.parametrize("classes", [2, 4])
def test_biases_leave_one_small_eigenvalue_in_the_top_space_and_the_gradient_on_it(classes):
    """k - 1 large ones; without biases all k are the same.  Late, H is epsilon times a matrix of numbers.

    Of class c, p is 1 - (k - 1) epsilon there and epsilon elsewhere, and its part of H is diag(p) - p p^T (x) x x^T,
    x = (mu_c, 1).
    """
    end, values = analysed(*trained(classes=classes, model=BIASED, examples=10 * classes))
    eye, limit = np.eye(classes), 0
    for each in eye:
        inputs = np.append(each, 1)
        of_class = (
            np.diag(1 - each) + (classes - 1) * np.diag(each) - np.outer(each, 1 - each) - np.outer(1 - each, each)
        )
        limit = limit + np.kron(of_class, np.outer(inputs, inputs)) / classes
    wanted = np.linalg.eigvalsh(limit)[::-1][: 2 * classes] / (ETA * STEPS)
    np.testing.assert_allclose(values, wanted, rtol=2 * LATE, atol=EXACT * values[0])
    assert values[0] == pytest.approx(values[classes - 2], rel=EXACT)  # k - 1 large ones ...
    assert values[0] > 2.5 * values[classes - 1]  # ... and a small one
    assert end["f_top"] == pytest.approx(1, abs=EXACT)
    assert end["f_top_less_one"] < EXACT  # g lies on the smallest of the top ones
    _, alike = analysed(*trained(classes=classes, examples=10 * classes))  # negative controls: no biases; variance 0.2
    assert alike[0] == pytest.approx(alike[classes - 1], rel=EXACT)
    wide, _ = analysed(*trained(classes=classes, model=BIASED, examples=10 * classes, spread=np.sqrt(0.2)))
    assert wide["f_top"] - wide["f_top_less_one"] < 0.5
