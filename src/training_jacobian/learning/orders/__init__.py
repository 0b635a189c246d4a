"""One file per order of batches: `Options` and `batches`."""
