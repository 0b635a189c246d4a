"""Figures of trainings in memory, as the workflow draws them."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from training_jacobian import analyses
from training_jacobian.figures.frame import UNIT
from training_jacobian.section import nearest

STYLE = {"width": 3.3, "height": 2.3, "font_size": 8, "palette": "colorblind", "dpi": 300}  # inches, points
FORMATS = ("pdf", "png")


def draw(
    kind: str,
    trainings: Any,
    path: str | Path,
    options: Mapping[str, Any] | None = None,
    style: Mapping[str, Any] | None = None,
    unit: str = "",
) -> pd.DataFrame:
    """Draw a figure of a `kind`, such as `bird`, into a .pdf or .png file; returns the table that it shows.

    `trainings` is one training, or several by name; for kinds of groups, such as `angles`, tuples of them by name.  An
    analysis that was called keeps its settings; else it is computed with its defaults.  `options` are those of the
    figure in params.yaml, `style` any of width and height in inches, font_size, palette, dpi; `unit` is that of losses.
    Raises ValueError on another kind or format.
    """
    path, found = Path(path), analyses.discovered()
    owners = {kind: name for name, each in found.items() for kind, known in each.kinds.items() if known.drawn}
    if kind not in owners:
        raise ValueError(f"no kind of figure {kind!r}; {nearest(kind, list(owners))}")
    if path.suffix[1:] not in FORMATS:
        raise ValueError(f"{path}: no format {path.suffix!r}; end the name in .pdf or .png")
    if unknown := set(style or {}) - STYLE.keys():
        raise ValueError(f"no style {min(unknown)!r}; {nearest(min(unknown), list(STYLE))}")
    name = owners[kind]
    named = trainings if isinstance(trainings, Mapping) else {"training": trainings}
    tables = [
        _table(name, each, found[name].kinds[kind].file).assign(**{_label(found[name].group): label})
        for label, each in named.items()
    ]
    plot = importlib.import_module(f"training_jacobian.analyses.{name}.figures").PLOTS[kind]
    shown: pd.DataFrame = plot.select(pd.concat(tables, ignore_index=True), dict(options or {})).copy()
    shown.attrs[UNIT] = unit
    plot.save(shown, STYLE | dict(style or {}), {path.suffix[1:]: path})
    return shown


def _label(group: str | None) -> str:
    return "comparison" if group else "run"


def _table(name: str, trainings: Any, file: str) -> pd.DataFrame:
    several = trainings if isinstance(trainings, tuple | list) else (trainings,)
    if len(several) == 1 and name in getattr(several[0], "kept", {}):
        made: pd.DataFrame = several[0].kept[name][1][file]
        return made
    computed: pd.DataFrame = getattr(analyses, name)(*several)[file]
    return computed
