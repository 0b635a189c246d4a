"""The response of training to a perturbed start."""

from training_jacobian.figures.frame import Plot
from training_jacobian.figures.response import response

PLOTS = {"responses": Plot(response, width=2)}
