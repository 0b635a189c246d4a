"""One file per optimizer: `Options`, with the names and parameters of optax, `make`, and what of it others must know.

`keeps_untouched(options)`: whether a direction that no gradient touches stays as it is, on either side of J.  `VECTORS`
(N,) in its memory, and `DERIVED` more in its update, linearised: how much memory a job asks for.
"""
