"""Which runs play which part in a paper's table of statements: the section `summary` of params.yaml."""

from pydantic import Field

from training_jacobian.section import Name, Section


class Summary(Section):
    """Which runs play which part in the table of the paper's statements; a part without a run has no rows."""

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
        return {
            "paper": [self.paper],
            "seeds": list(self.seeds),
            **{part: [run] for part, run in others.items() if run is not None},
        }
