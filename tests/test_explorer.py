"""The report's direction explorer: which directions, their numbers, their vectors as pictures."""

import base64
import io

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from page_of import Page
from training_jacobian.report import explorer


@pytest.fixture(scope="module")
def made(smoke):
    return Page((smoke.root / "results/report.html").read_text(encoding="utf-8"))


def test_the_explorer_shows_the_numbers_of_the_tables(smoke, made):
    assert list(made.explored) == ["smoke", "seed_1", "varied"]  # those with a dense SVD, in their order
    for run, each in made.explored.items():
        home = smoke.root / f"results/runs/{run}"
        table = pd.read_csv(home / "spectrum/directions.csv").set_index("index")
        shown = pd.DataFrame(each["directions"]).set_index("index")
        assert shown.index.is_monotonic_increasing
        for column in ("sigma", "distance_from_one", "cosine_uv"):
            np.testing.assert_allclose(shown[column].astype(float), table.loc[shown.index, column], rtol=1e-5)
        assert (shown["region"] == table.loc[shown.index, "region"]).all()
        assert (shown["exact"] == table.loc[shown.index, "exact"]).all()
        assert set(shown["region"]) == set(table["region"])
        assert shown["exact"].any()
        assert ("displacement" in shown) == (run == "smoke")
    moved = pd.read_csv(smoke.root / "results/runs/smoke/behaviour/displacement.csv").set_index("index")
    diverged = pd.read_csv(smoke.root / "results/runs/smoke/behaviour/divergence.csv").set_index(["index", "inputs"])
    for each in made.explored["smoke"]["directions"]:
        assert float(each["displacement"]) == pytest.approx(moved.loc[each["index"], "displacement"], rel=1e-5)
        for inputs, largest, mean in each["divergence"]:
            row = diverged.loc[each["index"], inputs]
            assert (float(largest), float(mean)) == pytest.approx((row["kl_max"], row["kl_mean"]), rel=1e-5)


def test_the_vectors_are_those_of_the_svd(smoke, made):
    """Red where a weight is positive, blue where it is negative; and shares of the parts of theta."""
    with h5py.File(smoke.root / "results/runs/smoke/svd/svd.h5") as file:
        sides = {"v": file["Vt"][()], "u": file["U"][()].T}
    assert made.explored["smoke"]["parts"] == ["Dense_0.bias", "Dense_0.kernel", "Dense_1.bias", "Dense_1.kernel"]
    for each in made.explored["smoke"]["directions"]:
        for side, rows in sides.items():
            vector = rows[each["index"] - 1]
            kernel = vector[2:130].reshape(64, 2)
            content = base64.b64decode(each[side]["picture"].removeprefix("data:image/png;base64,"))
            with Image.open(io.BytesIO(content)) as image:
                pixels = np.asarray(image.convert("RGB")).astype(int)
            assert pixels.shape == (8, 17, 3)
            for unit in range(2):
                redder = pixels[:, 9 * unit : 9 * unit + 8, 0] - pixels[:, 9 * unit : 9 * unit + 8, 2]
                weights = kernel[:, unit].reshape(8, 8)
                clear = np.abs(weights) > float(each[side]["scale"]) / 10
                assert np.array_equal(np.sign(redder[clear]), np.sign(weights[clear]))
            shares = [np.sum(vector[a:b] ** 2) for a, b in ((0, 2), (2, 130), (130, 140), (140, 160))]
            np.testing.assert_allclose(list(map(float, each[side]["shares"])), shares, rtol=1e-5, atol=1e-30)


def directions(chaotic, bulk, exact, stable):
    region = ["chaotic"] * chaotic + ["bulk"] * (bulk + exact) + ["stable"] * stable
    marked = [False] * (chaotic + bulk) + [True] * exact + [False] * stable
    return pd.DataFrame({"region": region, "exact": marked})


@pytest.mark.parametrize(
    "counts", [(700, 2700, 250, 1100), (1, 0, 0, 5000), (0, 3, 0, 0), (5, 100, 0, 5), (1, 1, 1, 1)]
)
def test_directions_of_each_region_are_chosen(counts):
    table = directions(*counts)
    found = explorer.chosen(table)
    assert len(found) == len(set(found)) <= explorer.MOST
    assert found[0] == 0
    shown = table.iloc[found]
    for region in set(table["region"]):
        assert (shown["region"] == region).any()
        first, last = np.flatnonzero(table["region"] == region)[[0, -1]]
        assert counts == (1, 0, 0, 5000) or {first, last} <= set(found)
    assert shown["exact"].any() == bool(counts[2])
    unknown = table.assign(exact=np.nan)  # where rounding hides them
    assert explorer.chosen(unknown)[0] == 0


def test_pictures_of_colours_lie_side_by_side():
    weights = np.zeros((12, 2))
    weights[4:8, 0] = 1  # the second of three planes of 2x2 pixels
    source, full = explorer.picture(weights, (3, 2, 2))
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape == (5, 6, 3)  # two tiles above each other
    assert full == 1
    red = pixels[..., 0] > pixels[..., 2] + 50
    assert red[:2, 2:4].all()
    assert red.sum() == 4
