"""Training as a map: data, models, losses, optimizers, orders of batches, and what no gradient touches."""
