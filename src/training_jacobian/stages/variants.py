"""The data stage of a run whose labels or inputs are replaced."""

from pathlib import Path

from training_jacobian.artifacts.address import Recipe, parameters
from training_jacobian.learning import variants
from training_jacobian.stages.data import examples, write

VARIED = ("labels", "inputs", "variant_seed")


def make(recipe: Recipe, files: list[Path], out: Path) -> None:
    """`data.h5` as of the data stage, after the variation."""
    chosen = parameters(recipe)["data"]
    made = examples({name: value for name, value in chosen.items() if name not in VARIED}, files)
    write(recipe, variants.vary(made, **{name: chosen[name] for name in VARIED if name in chosen}), out)
