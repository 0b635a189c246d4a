"""For a Python session: the stored training of a run in params.yaml."""

from pathlib import Path

from training_jacobian.plan import plan
from training_jacobian.section import nearest
from training_jacobian.trajectory import Trajectory


def trajectory(run: str, params: str = "params.yaml") -> Trajectory:
    """The training of a run; the working directory is the project's root.

    Raises ParamsError if params.yaml is wrong, ValueError if it has no such run, FileNotFoundError, with the command
    that computes it, if the run is not trained yet.
    """
    made = plan(params)
    if run not in made.recipes:
        raise ValueError(f"{params} has no run {run!r}; {nearest(run, list(made.recipes))}")
    data, train = made.files(run, "data")[0], made.files(run, "train")[0]
    for path in (data, train):
        if not Path(path).exists():
            raise FileNotFoundError(f"{path} is not there; compute it with: snakemake --cores all {train}")
    from training_jacobian.stages import stored

    return stored.trajectory(made.recipes[run]["train"], Path(data), Path(train))
