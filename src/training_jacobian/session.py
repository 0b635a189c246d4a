"""For a Python session: the stored training of a run in params.yaml.  The session's own settings stay as they are."""

from pathlib import Path

from training_jacobian.commands import root_of
from training_jacobian.jacobian.trajectory import Trajectory
from training_jacobian.run import Run
from training_jacobian.section import nearest
from training_jacobian.workflow.plan import plan


def trajectory(run: str, params: str | Path = "params.yaml") -> Trajectory:
    """The training of a run of a params file, whose results lie in the project that `root_of` finds for it.

    Raises ParamsError if params.yaml is wrong, ValueError if it has no such run, FileNotFoundError, with the command
    that computes it, if the run is not trained yet.
    """
    root = root_of(Path(params))
    made = plan(params, root)
    if run not in made.recipes:
        raise ValueError(f"{params} has no run {run!r}; {nearest(run, list(made.recipes))}")
    for path in (root / made.files(run, stage)[0] for stage in ("data", "train")):
        if not path.exists():
            command = f"snakemake --cores all {path.relative_to(root)}"
            raise FileNotFoundError(f"{path} is not there; compute it, in {root}, with: {command}")
    return Run(made.recipes[run]["train"], root).trajectory()
