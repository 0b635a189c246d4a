"""An artifact's address is its recipe: results/<stage>/<key>/, or results/analyses/<name>/<key>/.

The recipe of a stage is what determines its content: the parameters that it and the stages before it read, and digests
of the code that computes it.  The key is a hash of the recipe.  The run's name, the number of jobs, the threads and the
machine are in no recipe.
"""

import hashlib
import json
from typing import Any

# {"stage": ..., "parameters": {section: ...}, "code": {module: digest}, "from": the recipe before it, "with": [others]}
Recipe = dict[str, Any]
STAGES = ("data", "train", "jacobian", "svd", "figures")  # folders of their own; all else is an analysis


def canonical(recipe: Any) -> str:
    """The one JSON text of a recipe."""
    return json.dumps(recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key(recipe: Recipe) -> str:
    """12 hexadecimal digits of the SHA-256 of the recipe."""
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()[:12]


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
    """All parameters that the stage and those before it read, by section."""
    return {name: value for each in ancestors(recipe).values() for name, value in each["parameters"].items()}
