"""The scripts and styles of a page, which needs no network."""

import re
from importlib import metadata, resources

import vl_convert

from training_jacobian.jobs import compiled

_ENDS = re.compile("<(/script|/style|!--)", re.IGNORECASE)  # in a script or style they would end it


def scripts() -> dict[str, str]:
    """Those of Vega and DataTables, from the installed packages, and our own."""
    own, tables = resources.files("training_jacobian.report"), resources.files("itables") / "html"
    made = {
        "tables": (tables / "dt_bundle.js").read_text("utf-8"),
        "tables_style": (tables / "dt_bundle.css").read_text("utf-8"),
        "script": (own / "page.js").read_text("utf-8"),
        "style": (own / "page.css").read_text("utf-8"),
    }
    return {"vega": vega(), **{name: _inside(text) for name, text in made.items()}}


def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed, which take seconds to bundle."""
    version = metadata.version("vl-convert-python")
    bundle = vl_convert.javascript_bundle  # its stub forgets the default
    return _inside(compiled.text(f"vega-{version}", bundle))  # type: ignore[arg-type]


def _inside(text: str) -> str:
    return _ENDS.sub(r"<\\\1", text)
