"""One file per schedule of the learning rate: `Options` and `rate`."""
