"""A job that draws does not import what it does not need."""

import subprocess
import sys

import pytest

FIGURES = """
import sys
from training_jacobian.jobs import spared
if {sparing}:
    spared.seaborn()
import training_jacobian.figures.frame
print([name in sys.modules for name in spared.SPARED])
from scipy.stats import gaussian_kde  # it is there for who wants it
"""


@pytest.mark.parametrize("sparing", [True, False])
def test_a_figure_needs_no_statistics(sparing):
    """The control: without it seaborn imports them, so it is not in vain."""
    command = [sys.executable, "-c", FIGURES.format(sparing=sparing)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{[not sparing] * 2}\n"
