"""The Hessian along a training, on a network of 160 parameters, against the dense one of jax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import training_jacobian as tj
from small import SGD, Small
from training_jacobian.analyses.hessian.compute import compute
from training_jacobian.figures.late import late

K = 10
SETTINGS = {"pairs": 24, "every": 3, "spaces_every": 5, "tolerance": 1e-8, "products": 2000, "seed": 0}
CHECKPOINTS = [0, 4, 15]


def made(small, **changes):
    return compute(small, {**SETTINGS, "checkpoints": CHECKPOINTS, **changes})


@pytest.fixture(scope="module")
def small():
    return Small()  # 15 steps


@pytest.fixture(scope="module")
def files(small):
    return made(small)


@pytest.fixture(scope="module")
def dense(small):
    """Eigenvalues and eigenvectors, falling, gradient and Hessian, at the measured steps, by jax alone."""
    found = {}
    for step in sorted({*range(0, 16, 3), *range(0, 16, 5), *CHECKPOINTS}):
        theta = small.at(step)
        H = small.dense(theta)
        values, vectors = np.linalg.eigh(H)
        found[step] = values[::-1], vectors[:, ::-1], small.slope(theta), H
    return found


def part(vectors, g, first, last):
    return np.sum((vectors[:, first:last].T @ g) ** 2) / np.sum(g**2)


def test_eigenvalues(files, dense):
    table = files["eigenvalues.csv"]
    assert table["step"].unique().tolist() == CHECKPOINTS
    for step, each in table.groupby("step"):
        values = dense[step][0]
        assert each["index"].tolist() == list(range(1, 25))
        assert each["top"].tolist() == [True] * K + [False] * 14
        assert each["converged"].all()
        np.testing.assert_allclose(each["eigenvalue"], values[:24], rtol=0, atol=1e-11)
        assert (each["residual"] <= 1e-8 * values[0]).all()
        assert np.abs(each["eigenvalue"].to_numpy() - values[1:25]).max() > 1e-3  # the next ones are others
    first, last = (table[table["step"] == step]["eigenvalue"].to_numpy() for step in (0, 15))
    assert np.abs(first - last).max() > 1e-3  # those of one step are not those of another


def test_parts_of_the_gradient(files, dense):
    table = files["gradient.csv"].set_index("step")
    with_space = {*range(0, 16, 5), *CHECKPOINTS}
    assert table.index.tolist() == sorted(dense)
    for step, (_, vectors, g, _) in dense.items():
        row = table.loc[step]
        assert row["gradient_norm"] == pytest.approx(np.linalg.norm(g), rel=1e-11)
        if step not in with_space:
            assert row[["f_top", "f_top_less_one", "f_next", "f_random", "overlap_in_top"]].isna().all()
            continue
        assert row["f_top"] == pytest.approx(part(vectors, g, 0, K), abs=1e-9)
        assert row["f_top_less_one"] == pytest.approx(part(vectors, g, 0, K - 1), abs=1e-9)
        assert row["f_next"] == pytest.approx(part(vectors, g, K, 2 * K), abs=1e-9)
        assert row["f_random"] == K / 160
        assert row["f_top"] >= row["f_top_less_one"]
        assert abs(row["f_top"] - part(vectors, g, 0, K + 1)) > 1e-7  # of k + 1 it would be another number


def test_a_random_vector_is_elsewhere(dense):
    """Control: the top space of the loss has more of its own gradient than of a random vector."""
    _, vectors, g, _ = dense[15]
    random = np.random.default_rng(0).standard_normal((200, 160))
    chance = np.mean([part(vectors, r, 0, K) for r in random])
    assert chance == pytest.approx(K / 160, abs=0.01)
    assert part(vectors, g, 0, K) > 2 * chance


def test_overlaps(small, files, dense):
    table = files["gradient.csv"].set_index("step")
    for step, (_, _, g, H) in dense.items():
        cosine = g @ H @ g / (np.linalg.norm(g) * np.linalg.norm(H @ g))
        assert table.loc[step, "overlap"] == pytest.approx(cosine, abs=1e-10)
    theta = small.at(6)
    g, H = small.slope(theta, "test"), small.dense(theta, "test")
    cosine = g @ H @ g / (np.linalg.norm(g) * np.linalg.norm(H @ g))
    assert table.loc[6, "overlap_test"] == pytest.approx(cosine, abs=1e-10)
    assert abs(table.loc[6, "overlap"] - cosine) > 1e-4
    loss = float(small.loss_of()(theta))
    assert table.loc[6, "train_loss"] == pytest.approx(loss, rel=1e-12)


def test_controls_of_the_overlap(small, dense):
    """Of a random vector r of the top space it is about (sum lambda^2 ...)^1/2, of one of R^N almost nothing."""
    table = made(small, every=1, spaces_every=1)["gradient.csv"]
    values = dense[15][0]
    random = np.random.default_rng(1).standard_normal((4000, 160)) ** 2

    def mean(values):
        squares = random[:, : len(values)]
        return np.mean(squares @ values / np.sqrt(squares.sum(axis=1) * (squares @ values**2)))

    assert table["overlap_in_top"].mean() == pytest.approx(mean(values[:K]), abs=0.1)
    assert table["overlap_random"].mean() == pytest.approx(mean(values), abs=0.1)
    assert table["overlap_in_top"].mean() > table["overlap_random"].mean() + 0.1
    assert table["overlap_random"].nunique() == len(table)  # another vector at each step


def test_persistence(files, dense):
    table = files["persistence.csv"]
    spaces = {"top": (0, K), "top_less_one": (0, K - 1), "next": (K, 2 * K)}
    assert len(table) == 3 * 9
    for row in table.itertuples():
        first, last = spaces[row.space]
        one, other = dense[row.first][1][:, first:last], dense[row.second][1][:, first:last]
        assert row.persistence == pytest.approx(np.sum((one.T @ other) ** 2) / (last - first), abs=1e-7)
        assert row.dimension == last - first
        assert row.chance == (last - first) / 160
    square = table[table["space"] == "top"].pivot_table(index="first", columns="second", values="persistence")
    np.testing.assert_allclose(np.diag(square), 1, atol=1e-12)
    np.testing.assert_allclose(square, square.T, atol=1e-12)
    assert square.to_numpy().min() < 0.999  # it is no constant
    next_one = table[(table["space"] == "next") & (table["first"] == 0) & (table["second"] == 15)]["persistence"]
    assert next_one.item() < square.loc[0, 15]


def test_trace(files, dense):
    table, deviations = files["trace.csv"].set_index("step"), []
    for step, row in table.iterrows():
        values, _, _, H = dense[step]
        assert values.sum() == pytest.approx(np.trace(H), rel=1e-10)
        assert abs(row["trace"] - np.trace(H)) < 4 * row["standard_error"]
        assert row["top_sum"] == pytest.approx(values[:24].sum(), rel=1e-9)
        off = H - np.diag(np.diag(H))
        deviations.append(row["standard_error"] / np.sqrt(2 * np.sum(off**2) / 16))
    assert 0.5 < np.mean(deviations) < 1.6  # the estimate's own deviation, in closed form
    assert abs(table.loc[0, "trace"] - np.trace(2 * dense[0][3])) > 4 * table.loc[0, "standard_error"]


@pytest.mark.parametrize("changes", [{"every": 5}, {"every": 15}])
def test_steps_that_are_not_kept_are_made_again(small, files, changes):
    other = made(Small(**changes))
    for name in ("eigenvalues.csv", "gradient.csv", "persistence.csv"):
        numbers = other[name].select_dtypes("number").drop(columns="residual", errors="ignore")
        np.testing.assert_allclose(numbers, files[name][numbers.columns], rtol=1e-7, atol=1e-9)


def test_a_run_in_32_bits_is_measured_in_64():
    small = Small(dtype="float32")
    table = made(small, checkpoints=[15])["eigenvalues.csv"]
    values = np.linalg.eigvalsh(small.dense(small.at(15)))[::-1]
    np.testing.assert_allclose(table["eigenvalue"], values[:24], rtol=0, atol=1e-7)


def test_checkpoints_by_default_and_columns(small):
    files = compute(small, {**SETTINGS, "space": 3, "pairs": 6})
    assert files["eigenvalues.csv"]["step"].unique().tolist() == [0, 1, 2, 5, 10, 15]
    assert files["persistence.csv"].groupby("space")["dimension"].first().to_dict() == {
        "top": 3,
        "top_less_one": 2,
        "next": 3,
    }
    assert late(files["gradient.csv"])["step"].tolist() == [
        step for step in files["gradient.csv"]["step"] if 7.5 <= step < 15
    ]


def softmax(w, batch):
    return optax.softmax_cross_entropy_with_integer_labels(jnp.tanh(batch[0] @ w), batch[1]).mean()


def trained(network=True, test=True):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((6, 8, 4)), random.integers(0, 3, (6, 8))
    outputs = tj.Network(lambda w, x: jnp.tanh(x @ w), x[0], x[1]) if network else None
    held_out = (x[0, :4], y[0, :4]) if test else None
    w = random.standard_normal((4, 3))
    return tj.train(softmax, w, optax.sgd(0.2), (x, y), test=held_out, network=outputs)


def test_in_a_session():
    training = trained()
    files = tj.analyses.hessian(training, pairs=8, checkpoints=[0, 6])
    mean = lambda w: jnp.mean(jax.vmap(lambda x, y: softmax(w.reshape(4, 3), (x, y)))(*training.batches))
    H = jax.hessian(mean)(training.start.theta)
    values, vectors = (each[..., ::-1] for each in np.linalg.eigh(H))
    table = files["eigenvalues.csv"]
    np.testing.assert_allclose(table["eigenvalue"][table["step"] == 0], values[:8], atol=1e-12)
    assert table[table["step"] == 0]["top"].sum() == 3
    g = np.asarray(jax.grad(mean)(training.start.theta))
    row = files["gradient.csv"].set_index("step").loc[0]
    assert row["f_top"] == pytest.approx(part(vectors, g, 0, 3), abs=1e-10)
    assert np.isfinite(row["overlap_test"])


def test_in_a_session_without_test_or_network():
    training = trained(network=False, test=False)
    with pytest.raises(
        ValueError, match=r"hessian: the number of classes is not known; give space, or train\(.*network="
    ):
        tj.analyses.hessian(training)
    files = tj.analyses.hessian(training, space=2, pairs=4)
    assert files["gradient.csv"]["overlap_test"].isna().all()
    assert files["eigenvalues.csv"].groupby("step")["top"].sum().unique().tolist() == [2]


def test_what_a_session_refuses():
    training = trained()
    for settings, said in {
        "pairs": ({"pairs": 5}, r"pairs = 5 is below 6"),
        "parameters": ({"pairs": 12}, r"pairs = 12 is not below the 12 parameters"),
        "step": ({"pairs": 6, "checkpoints": [7]}, r"there is no step 7 in 0\.\.6"),
    }.values():
        with pytest.raises(ValueError, match=said):
            tj.analyses.hessian(training, **settings)
    own = tj.record(lambda state, batch: state * (1 - batch), np.ones(30), np.full(4, 0.1))
    with pytest.raises(ValueError, match=r"hessian of this training needs its loss and its optimizer"):
        tj.analyses.hessian(own, space=2, pairs=4)


def test_the_optimizer_does_not_matter_but_for_where_it_leads():
    """Adam's Hessian is that of the loss where it is."""
    adam = Small(
        optimizer={"name": "adam", "learning_rate": 0.01, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "eps_root": 1e-8}
    )
    table = made(adam, checkpoints=[15])["eigenvalues.csv"]
    values = np.linalg.eigvalsh(adam.dense(adam.at(15)))[::-1]
    np.testing.assert_allclose(table["eigenvalue"], values[:24], atol=1e-11)
    assert np.abs(values - np.linalg.eigvalsh(adam.dense(Small(optimizer=SGD).at(15)))[::-1]).max() > 1e-3


def test_declarations_reckon_with_what_is_computed():
    """They cannot import it: it brings JAX."""
    from training_jacobian.analyses import hessian, projected
    from training_jacobian.analyses.hessian import compute as of_hessian
    from training_jacobian.analyses.projected import compute as of_projected

    assert hessian.STEPS == of_hessian.STEPS
    assert projected.MORE == of_projected.MORE
