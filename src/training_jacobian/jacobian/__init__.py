"""The training Jacobian: products with J and J^T along a stored training."""
