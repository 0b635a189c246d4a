"""From params to recipes: what of params.yaml, and which code, determines an artifact (artifacts/address.py)."""

from pathlib import Path
from typing import Any

from training_jacobian.artifacts import digest, reading
from training_jacobian.artifacts.address import Recipe
from training_jacobian.artifacts.integrity import file_digest
from training_jacobian.learning.components import component
from training_jacobian.stages import COMPONENTS, STAGES
from training_jacobian.workflow import catalog
from training_jacobian.workflow.params import FileInitial, RandomInitial, Run


def modules(run: Run, stage: str) -> list[str]:
    """Modules that compute a stage of a run, those of what it chooses by name among them."""
    if stage not in STAGES:
        return [f"analyses.{stage}.compute", "run", "stages.analysis"]
    declared = STAGES[stage]
    chosen = [component(COMPONENTS[section], run.chosen(section).name) for section in declared.chosen]
    named = [module.__name__.removeprefix(f"{digest.PACKAGE}.") for module in chosen]
    return [
        *declared.code,
        *named,
        *(["stages.variants"] if stage == "data" and getattr(run.data, "varied", False) else []),
    ]


def from_files(
    run: Run, parameters: dict[str, Any], sections: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Digests of the user's code that a stage runs, by section, and where the user's files lie.

    In `parameters` such a section keeps what counts: of examples their content, of code its options.
    """
    own, paths = {}, {}
    for section in sections:
        chosen = run.chosen(section)
        if chosen.name != "file":
            continue
        outer = parameters
        *above, last = section.split(".")
        for name in above:
            outer = outer[name]
        paths[section] = {key: outer[last].pop(key) for key in reading.PATHS if key in outer[last]}
        if section == "data":
            outer[last] = component("datasets", "file").described(chosen.model_dump())
        else:
            own[section] = digest.of_file(Path(chosen.path))
            if section == "model" and isinstance(run.initial, RandomInitial):
                parameters["initial"].pop("bias_std", None)  # it draws all of theta_0 by itself
    return own, paths


def recipe(params: Any, run: Run, stage: str, root: Path = Path()) -> Recipe:
    """Recipe of a stage of a run of the project at `root`; that of the stage before it stands in it under `from`."""
    parameters = {}
    for section in catalog.reads(stage):
        owner = run if section in type(run).model_fields else params
        parameters[section] = getattr(owner, section).model_dump(exclude_defaults=True)
    own, paths = from_files(run, parameters, STAGES[stage].chosen if stage in STAGES else ())
    if "initial" in parameters and isinstance(run.initial, FileInitial):
        # by its content, not its name
        parameters["initial"] = {"name": "file", "sha256": file_digest(Path(run.initial.path))}
    files: dict[str, str] = {}
    for section in STAGES[stage].chosen if stage in STAGES else ():
        if COMPONENTS[section] in reading.HOMES.values() or run.chosen(section).name == "file":
            files |= reading.contents(run.facts(section), root)
    made: Recipe = {
        "stage": stage,
        "parameters": parameters,
        **({"files": files} if files else {}),
        "code": digest.code(*modules(run, stage)),
        **({"own": own} if own else {}),
        **({"paths": paths} if paths else {}),
    }
    before = catalog.after(stage)
    return {**made, "from": recipe(params, run, before, root)} if before else made


def of_group(params: Any, runs: list[Run], analysis: str, root: Path = Path()) -> Recipe:
    """Recipe of an analysis of several runs: that of the first, and of the others what it comes after, under `with`."""
    before = str(catalog.after(analysis))
    others = [recipe(params, run, before, root) for run in runs[1:]]
    return {**recipe(params, runs[0], analysis, root), "with": others}
