"""What each stage of dvc.yaml is to make.  Each depends on its own list, so `dvc repro` starts only those with work."""

from pathlib import Path

from training_jacobian.artifacts.store import whole
from training_jacobian.stages import STAGES
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.plan import Plan


def lists(plan: Plan) -> dict[str, list[str]]:
    """By stage of dvc.yaml: paths of its artifacts; of the figures and links, what is published where."""
    stages = {**{stage: [stage] for stage in STAGES}, "analyses": list(ANALYSES)}
    wanted = plan.wanted()
    published = [f"{file} {of}" for part in ("figures", "links") for file, of in wanted[part].items()]
    return {stage: sorted(plan.all_files(*of)) for stage, of in stages.items()} | {"figures": sorted(published)}


def write(plan: Plan, folder: Path) -> None:
    """`<stage>.txt` in the folder, a line each.  Raises ArtifactError where the operating system refuses."""
    for stage, lines in lists(plan).items():
        with whole(folder / f"{stage}.txt") as partial:
            partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
