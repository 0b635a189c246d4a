"""Belrose and Scherlis, "Understanding Gradient Descent through the Training Jacobian" (arXiv 2412.07003)."""

from typing import Literal

from pydantic import Field

from training_jacobian.section import Name, Section


class Summary(Section):
    """Which runs play which part in the table of the paper's statements; a part without a run has no rows."""

    statements: Literal["belrose_scherlis"] = "belrose_scherlis"
    paper: Name
    seeds: list[Name] = Field(default=[], description="further runs of the same setup: error bars")
    shuffled_labels: Name | None = None
    white_noise: Name | None = None
    other_loss: Name | None = Field(default=None, description="the paper's run but for its loss")
    pfj: Name | None = None

    @property
    def parts(self) -> dict[str, list[str]]:
        """Names of the runs that play each part."""
        others = {part: getattr(self, part) for part in type(self).model_fields if part not in ("paper", "seeds")}
        named = {part: [run] for part, run in others.items() if run is not None and part != "statements"}
        return {"paper": [self.paper, *self.seeds], **named}

    @property
    def pairs(self) -> dict[str, tuple[list[str], list[str]]]:
        """For each part that is of pairs of runs: runs of which one is compared with one of the others."""
        same, parts = self.parts["paper"], self.parts
        others = {"labels": parts.get("shuffled_labels", []), "inputs": parts.get("white_noise", [])}
        return {"seeds": (same, same), **{part: (same, each) for part, each in others.items()}}
