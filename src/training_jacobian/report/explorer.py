"""What the direction explorer shows: of each run with a dense SVD directions of each region, with their vectors."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from training_jacobian.artifacts.store import check, opened
from training_jacobian.report.cells import text

MOST = 64  # directions of a run
CONTEXT = 800  # points of the curve behind them
LEAST = 1e-3  # smaller singular values are drawn here
ROWS = 4096  # of U that are read at a time
LEVELS = 31  # shades on either side of zero: more cost bytes and look the same
ENDS = (33, 102, 172), (178, 24, 43)  # blue and red, which the colour-blind tell apart; white is zero


def spread(positions: list[int], region: str) -> list[int]:
    """The same positions, those first that show a region best: its ends, then ever finer what lies between.

    Of the chaotic and the stable ones mostly the outer, where they differ most: what is even in the logarithm of the
    distance from their end.
    """
    last = len(positions) - 1
    fractions = [0.0, 1.0, *((2 * k + 1) / 2**level for level in range(1, 8) for k in range(2 ** (level - 1)))]
    if region in ("chaotic", "stable"):
        places = [round((last + 1) ** fraction) - 1 for fraction in fractions]
    else:
        places = [round(last * fraction) for fraction in fractions]
    ordered = positions[::-1] if region == "stable" else positions
    return [ordered[place] for place in dict.fromkeys(places)]


def chosen(directions: pd.DataFrame) -> list[int]:
    """Positions (from 0) of directions to look at, regions in turn, at most MOST; the exact bulk is a region here."""
    region = directions["region"].mask(directions["exact"].eq(True), "exact")
    groups = [spread(np.flatnonzero(region == name).tolist(), name) for name in dict.fromkeys(region)]
    turns = [place for turn in zip_longest(*groups) for place in turn if place is not None]
    return list(dict.fromkeys([0, *turns]))[:MOST]


def vectors(svd: Path, positions: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Right and left singular vectors (k, N) of these positions; U is read some rows at a time."""
    order = np.argsort(positions)
    rows, back = np.asarray(positions)[order], np.argsort(order)
    with opened(check(svd)) as file:
        V = file["Vt"][rows][back]
        U = np.concatenate([file["U"][first : first + ROWS][:, positions] for first in range(0, V.shape[1], ROWS)])
    return V, U.T


def picture(weights: np.ndarray, shape: tuple[int, ...]) -> tuple[str, float]:
    """A PNG as data URI of first-layer weights (inputs, units), a tile a unit, and the weight of full colour.

    At least one weight in fifty has that, or else a few large ones would leave all others white.  `shape` is that of an
    input: (rows, columns), or (planes, rows, columns), which are drawn side by side.
    """
    planes, rows, columns = shape if len(shape) == 3 else (1, *shape)
    units = weights.shape[1]
    across = -(-int(np.ceil(np.sqrt(units))) // planes)
    down = -(-units // across)
    sizes = np.abs(weights)
    full = float(max(np.quantile(sizes, 0.98), sizes.max() / 8)) or 1.0
    levels = np.rint(np.clip(weights / full, -1, 1) * LEVELS).astype(int) + LEVELS
    canvas = np.full((down * (rows + 1) - 1, across * (planes * columns + 1) - 1), 2 * LEVELS + 1, np.uint8)
    for unit in range(units):
        tile = levels[:, unit].reshape(planes, rows, columns).transpose(1, 0, 2).reshape(rows, planes * columns)
        top, left = unit // across * (rows + 1), unit % across * (planes * columns + 1)
        canvas[top : top + rows, left : left + planes * columns] = tile
    image, target = Image.fromarray(canvas, "P"), BytesIO()
    image.putpalette([int(number) for colour in _palette() for number in colour])
    image.save(target, "PNG", optimize=True)
    return data_uri(target.getvalue(), "png"), full


def _palette() -> Iterator[tuple[float, ...]]:
    for level in range(-LEVELS, LEVELS + 1):
        far, end = abs(level) / LEVELS, ENDS[level > 0]
        yield tuple(255 + far * (number - 255) for number in end)
    yield (128, 128, 128)  # between tiles


def data_uri(content: bytes, form: str) -> str:
    """An image in the page itself."""
    return f"data:image/{form};base64,{b64encode(content).decode()}"


def _drawn(vector: np.ndarray, layout: dict[str, Any]) -> dict[str, Any]:
    """Share of each part of theta in the square of a vector (N,), and its first layer as a picture if there is one."""
    shares, made, first = [], {}, 0
    for name, shape in layout["parts"]:
        part = vector[first : first + int(np.prod(shape))]
        first += len(part)
        shares.append(text(float(part @ part)))
        if name == layout["first"]:
            made["picture"], full = picture(part.reshape(shape), tuple(layout["picture"]))
            made["scale"] = f"{full:.2g}"
    return {"shares": shares, **made}


def _tables(files: Iterable[Path]) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The table of regions, and others by name, with what they say more of a direction, by its index."""
    read = {file.stem: pd.read_csv(check(file)) for file in files}
    (base,) = [name for name, table in read.items() if "region" in table]
    regions = read.pop(base)
    known = set(regions) - {"index"}
    return regions, {name: table.drop(columns=known & set(table)).set_index("index") for name, table in read.items()}


def _told(tables: dict[str, pd.DataFrame], index: int) -> dict[str, Any]:
    """Of a direction: numbers by column, or, by table, rows of a word and numbers."""
    made: dict[str, Any] = {}
    for name, table in tables.items():
        if table.index.is_unique:
            made |= {column: text(value) for column, value in table.loc[index].items()}
        else:
            made[name] = [[word, *map(text, values)] for word, *values in table.loc[[index]].itertuples(index=False)]
    return made


def explored(svd: Path, files: Iterable[Path], layout: dict[str, Any], room: int) -> dict[str, Any]:
    """What the page needs to know of a run, in about `room` bytes; `files`: tables by singular direction.

    `directions` by rising index; `curve`: a thinned spectrum behind them.
    """
    table, others = _tables(files)
    table["exact"] = table["exact"].eq(True)  # empty where rounding hides it
    table["y"] = table["sigma"].clip(lower=LEAST)
    rows, positions = table.to_dict("records"), chosen(table)
    V, U = vectors(svd, positions)
    found: list[dict[str, Any]] = []
    for position, v, u in zip(positions, V, U, strict=True):
        row = rows[position]
        made = {**row, **{name: text(row[name]) for name in ("sigma", "distance_from_one", "cosine_uv")}}
        made |= {"v": _drawn(v, layout), "u": _drawn(u, layout), **_told(others, row["index"])}
        room -= len(repr(made))
        if room < 0 and found:
            break
        found.append(made)
    places = np.unique(np.linspace(0, len(rows) - 1, CONTEXT).astype(int))
    return {
        "size": len(rows),
        "parts": [name for name, _ in layout["parts"]],
        "measures": {name: list(each)[1:] for name, each in others.items() if not each.index.is_unique},
        "directions": sorted(found, key=lambda each: each["index"]),
        "curve": table.iloc[places][["index", "y", "region"]].to_dict("records"),
    }
