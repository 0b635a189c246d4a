"""Linear algebra that knows nothing of training."""
