"""One function per stage: a recipe and input files in, an artifact out.  A module imports only what its stages need."""

from training_jacobian.datasets import dataset
from training_jacobian.models import model
from training_jacobian.models.mlp import Shapes
from training_jacobian.recipe import Recipe, parameters


def shapes(recipe: Recipe) -> Shapes:
    """Names and shapes of the parts of theta, in order."""
    facts, options = dataset(parameters(recipe)["data"]["name"]), dict(parameters(recipe)["model"])
    name = options.pop("name")
    del options["activation"]
    made: Shapes = model(name).shapes(inputs=facts.INPUTS, classes=facts.CLASSES, **options)
    return made
