"""One module per paper: its statements as numbers."""
