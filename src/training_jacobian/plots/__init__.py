"""One module per family of figures: `PLOTS`, by kind, from a tidy table to axes."""
