"""The training Jacobian: how a trained network depends on where its training began (arXiv 2412.07003)."""

__version__ = "0.1.0"
