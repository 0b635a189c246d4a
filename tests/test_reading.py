"""The paper's test loss after training, read off its figures to a fraction of a pixel: 0.158, as here, not 0.155."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from conftest import ROOT

REFERENCE = ROOT.parent / "shared/reference"
OURS = 0.15790  # test_paper.py
CLEAR = slice(104, 107)  # columns between two markers, where no other curve is
LEFT = 67  # column of the axis
SHADES = 0.02  # rows: what a line's centre may be off because shades are whole numbers


def read_level(image, decade, axis, line):
    """Least and largest value that a level line may have; the uppermost major tick of the axis is 10^decade.

    `axis` and `line` are the rows to look in.  matplotlib puts ticks on whole rows, so that value v lies within half a
    row of its tick, at A + B log10(v): a polygon of (A, B), whose corners bound the value at the line's height, its
    centre of darkness, which is not rounded.
    """
    dark = 3 - image[..., :3].sum(axis=2)
    rows = np.arange(len(image))
    major = [row for row in rows[axis] if dark[row, LEFT - 3] > 2.9]
    minor = [row for row in rows[axis] if dark[row, LEFT - 2] > 1.2 and row not in major]
    ticks = [(decade - i, row) for i, row in enumerate(major)]
    step, zero = np.polyfit(*np.array(ticks).T, 1)
    for digit, power in itertools.product(range(2, 10), range(decade - len(major), decade + 1)):
        exponent = np.log10(digit) + power
        near = [row for row in minor if abs(row - zero - step * exponent) < 1]
        ticks += [(exponent, row) for row in near if len(near) == 1]
    exponents, at = np.array(ticks).T
    height = np.average(rows[line] + 0.5, weights=1 - image[line, CLEAR, 0].mean(axis=1))
    edges = [(exponent, row + half) for exponent, row in ticks for half in (-0.5, 0.5)]
    values = []
    for (one, there), (other, here) in itertools.combinations(edges, 2):
        if one != other:
            B = (there - here) / (one - other)
            A = there - B * one
            if (np.abs(A + B * exponents - at) < 0.5 + 1e-9).all():
                values += [10 ** ((height + off - A) / B) for off in (-SHADES, SHADES)]
    return min(values), max(values)


def drawn(value, shift):
    """A figure like the paper's with a level line at `value`."""
    figure = plt.figure(figsize=(4.9, 3.9), dpi=100)
    axes = figure.add_axes((67.1 / 490, 0.14 + shift / 390, 413 / 490, 0.77))
    x, level = np.geomspace(1e-3, 1e3, 30), np.full(30, value)
    level[-1] *= 1.01  # else matplotlib rounds the line's place, too
    axes.loglog(x, level, "x-", color="C2", alpha=0.7)
    axes.set(xlim=(10**-3.3, 10**3.3), ylim=(1.3e-6, 2.4e3))
    axes.tick_params(labelsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    plt.close(figure)
    return plt.imread(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("value", [0.155, 0.158])
@pytest.mark.parametrize("shift", [0, 0.3, 0.7])
def test_a_known_level_is_read_to_one_percent(value, shift):
    image = drawn(value, shift)
    low, high = read_level(image, 3, slice(40, 330), slice(160, 180))
    assert low <= value <= high
    assert high / low < 1.01
    assert not low <= (0.158 if value == 0.155 else 0.155) <= high


@pytest.mark.parametrize(
    ("name", "decade", "axis", "line"),
    [
        ("paper_perturb_bulk", 3, slice(34, 333), slice(165, 177)),
        ("paper_perturb_top", 4, slice(36, 333), slice(212, 224)),
    ],
)
def test_the_papers_test_loss_is_ours(name, decade, axis, line):
    picture = REFERENCE / f"{name}.png"
    if not picture.exists():
        pytest.skip(f"the paper's figure is not there: {picture}")
    low, high = read_level(plt.imread(picture), decade, axis, line)
    assert low <= OURS <= high
    assert low > 0.157
    assert high < 0.159
