"""An artifact's address is its recipe: results/<stage>/<key>/, or results/analyses/<name>/<key>/.

The recipe of a stage is what determines its content: the parameters that it and the stages before it read, and digests
of the code that computes it.  The key is a hash of the recipe.  The run's name, the number of jobs, the threads and the
machine are in no recipe.
"""

import hashlib
import json
from typing import Any

# {"stage": ..., "parameters": {section: ...}, "code": {module: digest}, "from": the recipe before it, "with": [others]}
# of a run with components from files also "own": {section: digest}, and "paths": {section: {key: path}}, where they lie
Recipe = dict[str, Any]
STAGES = ("data", "train", "jacobian", "svd", "figures")  # folders of their own; all else is an analysis


def canonical(recipe: Any) -> str:
    """The one JSON text of a recipe."""
    return json.dumps(recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key(recipe: Recipe) -> str:
    """12 hexadecimal digits of the SHA-256 of the recipe; where the user's files lie does not count."""
    return hashlib.sha256(canonical(_without_paths(recipe)).encode()).hexdigest()[:12]


def _without_paths(recipe: Recipe) -> Recipe:
    made = {name: value for name, value in recipe.items() if name != "paths"}
    if "from" in made:
        made["from"] = _without_paths(made["from"])
    if "with" in made:
        made["with"] = list(map(_without_paths, made["with"]))
    return made


def home(stage: str) -> str:
    """Folder of all artifacts of a stage, relative to the project's root."""
    return f"results/{stage}" if stage in STAGES else f"results/analyses/{stage}"


def path(recipe: Recipe, file: str = "") -> str:
    """Path of a file, or of the folder, of that recipe, relative to the project's root."""
    return f"{home(recipe['stage'])}/{key(recipe)}/{file}".rstrip("/")


def ancestors(recipe: Recipe) -> dict[str, Recipe]:
    """Recipes of the stage and of all before it, by stage."""
    made = {recipe["stage"]: recipe}
    return {**made, **ancestors(recipe["from"])} if "from" in recipe else made


def parameters(recipe: Recipe) -> dict[str, Any]:
    """All parameters that the stage and those before it read, by section; of the user's files, where they lie too."""
    made = {name: value for each in ancestors(recipe).values() for name, value in each["parameters"].items()}
    for each in ancestors(recipe).values():
        for section, places in each.get("paths", {}).items():
            made = _laid_over(made, section.split("."), places)
    return made


def _laid_over(tree: Any, section: list[str], places: dict[str, str]) -> Any:
    """A copy of nested mappings with more keys in one of them."""
    inner = _laid_over(tree[section[0]], section[1:], places) if section else {}
    return {**tree, section[0]: inner} if section else {**tree, **places}
