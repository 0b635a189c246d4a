"""The report: what was asked, found and drawn, as one HTML file that needs neither network nor project."""

import hashlib
from pathlib import Path

FILES = ("page.html", "page.css", "page.js")  # beside this one


def digest() -> str:
    """Of template, style and script, which no digest of code counts: 12 hexadecimal digits."""
    content = b"\0".join(Path(__file__).with_name(name).read_bytes() for name in FILES)
    return hashlib.sha256(content).hexdigest()[:12]
