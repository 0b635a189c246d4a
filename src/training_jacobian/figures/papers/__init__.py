"""One folder per paper: `Summary`, which runs play which part, and `statements`, what it states as numbers."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from training_jacobian.figures.papers import belrose_scherlis, gur_ari


def _which(section: Any) -> Any:
    """The paper of a section `summary`: the first one, if it names none."""
    return section.get("statements", "belrose_scherlis") if isinstance(section, dict) else section.statements


SUMMARY: Any = Annotated[
    Annotated[belrose_scherlis.Summary, Tag("belrose_scherlis")] | Annotated[gur_ari.Summary, Tag("gur_ari")],
    Discriminator(_which),
]
