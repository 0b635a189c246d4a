"""One file per loss: `Options`, `value`, `slope` and `bend`, its `gauge`, its `UNIT`, the loss of a `guess`.

Outputs of a network are (n, classes) where examples come first, (classes, n) where they come last.  `divergence` tells
how far apart two networks are by what they have `said`, in columns that begin with `DIVERGENCE`.
"""
