"""Components from files, in their run: whether they fit the data and each other, asked before any job."""

from pathlib import Path
from typing import Any

from training_jacobian.artifacts.address import canonical
from training_jacobian.artifacts.reading import PATHS
from training_jacobian.learning import components
from training_jacobian.section import refuse, refuse_at

SECTIONS = ("model", "loss", "training.optimizer")
_FITTING: set[Any] = set()  # what was asked before, such as of the other runs of a sweep


def seen_from_here(tree: dict[str, Any], root: Path) -> dict[str, Any]:
    """A tree of params with the paths of all files absolute, if the working directory is not the `root`."""
    if root == Path():
        return tree

    def moved(section: Any) -> Any:
        if not isinstance(section, dict):
            return section
        inner = {key: moved(value) for key, value in section.items()}
        if section.get("name") == "file":
            inner |= {key: str(root.resolve() / inner[key]) for key in PATHS if isinstance(inner.get(key), str)}
        return inner

    return {key: moved(value) if key in ("defaults", "runs") else value for key, value in tree.items()}


def _told(data: Any) -> str:
    """A data set, for people."""
    return f"data.path = {data.path!r}" if data.name == "file" else f"data.name = {data.name!r}"


def check(run: Any) -> None:
    """Raise what pydantic reports if the components of a run do not fit.  Without files, nothing is imported."""
    model, facts = run.model, run.facts("data")
    if model.name != "file" and getattr(run.initial, "bias_std", 0) is None:
        refuse_at(("initial", "bias_std"), None, None)
    own = [section for section in SECTIONS if run.chosen(section).name == "file"]
    takes_targets = run.loss.name == "file" or getattr(run.facts("loss"), "REAL_TARGETS", False)
    if getattr(facts, "REAL", False) and not takes_targets:
        refuse(
            f"loss.name = {run.loss.name!r} needs classes, and the labels of {_told(run.data)} are real targets; "
            f"choose mse or a loss from a file{', or store the labels as integers' if run.data.name == 'file' else ''}"
        )
    if not own:
        return
    from training_jacobian.learning import abstract

    parameters = run.model_dump()
    try:
        shapes = run.shapes
    except ValueError as error:
        if model.name != "file":
            refuse(f"model.name = {model.name!r}: {error}")
        refuse_at(("model", "path"), model.path, str(error))
    network, loss = components.chosen("models", parameters["model"]), components.chosen("losses", parameters["loss"])
    training = run.training
    rate = [training.optimizer.learning_rate, training.schedule.name] if "training.optimizer" in own else []
    sizes = [repr(facts), parameters["model"], training.dtype, training.batch_size, rate]
    asked = canonical(sizes), network, loss, run.facts("training.optimizer")
    try:
        if asked not in _FITTING:
            abstract.check(parameters, facts, network, loss, shapes)
        _FITTING.add(asked)
    except abstract.MisfitError as error:
        section = error.section if error.section in own else own[0]
        refuse_at((*section.split("."), "path"), run.chosen(section).path, str(error))
