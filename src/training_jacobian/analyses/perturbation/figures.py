"""The response of training to a perturbed start."""

from training_jacobian.figures.frame import Plot
from training_jacobian.figures.response import response

PLOTS = {"perturbation": Plot(response, width=2, height=1.9)}
