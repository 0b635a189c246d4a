"""The spectrum on which directions are picked, as a Vega-Lite specification made by Altair."""

from typing import Any

import altair as alt

COLORS = {"chaotic": "#d55e00", "bulk": "#3b8fc9", "stable": "#009e73"}  # Okabe and Ito's, blue light enough for dark
SHAPES = {"chaotic": "triangle-up", "bulk": "circle", "stable": "triangle-down"}


def spectrum() -> dict[str, Any]:
    """Data `curve` and `directions` are given by the page, and the parameter `at`, the index that is picked."""
    regions = list(COLORS)
    color: Any = alt.Color("region:N").scale(domain=regions, range=list(COLORS.values())).title("Region")
    x = alt.X("index:Q").title("Index i of the direction").scale(nice=False, zero=False).axis(format="d", tickCount=6)
    y = (
        alt.Y("y:Q")
        .title("Singular value \u03c3")
        .scale(type="log")
        .axis(values=[10.0**k for k in range(-3, 9)], format="~g")
    )
    nearest = alt.selection_point(name="pick", fields=["index"], nearest=True, on="click", clear=False)
    at = alt.param(name="at", value=1)
    curve = alt.Chart(alt.NamedData("curve")).mark_line(strokeWidth=2).encode(x=x, y=y, color=color)
    shape: Any = alt.Shape("region:N").scale(domain=regions, range=list(SHAPES.values())).title("Region")
    dots = (
        alt.Chart(alt.NamedData("directions"))
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=x,
            y=y,
            color=color,
            shape=shape,
            tooltip=[
                alt.Tooltip("index:Q", title="direction"),
                alt.Tooltip("sigma:N", title="singular value"),
                alt.Tooltip("region:N", title="region"),
            ],
        )
        .add_params(nearest)
        .properties(name="dots")  # else one by a counter, other bytes the second time
    )
    picked = (
        alt.Chart(alt.NamedData("directions"))
        .transform_filter("datum.index == at")
        .mark_rule(strokeWidth=2, color="#888888", strokeDash=[4, 3])
        .encode(x=x)
    )
    chart = alt.layer(curve, picked, dots).add_params(at)
    chart = chart.properties(
        width="container", height=240, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    made: dict[str, Any] = chart.configure_legend(orient="top").to_dict()
    return made
