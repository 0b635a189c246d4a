"""One file per model: `Options`, `shapes(...)` in the order of theta, and `apply(...)`.  Cheap to import: no jax.

And, where a model has them: `start`, its own distribution of some parts of theta_0; `gradient`, with tangents written
out, else it is that of jax; `untouched`, directions that provably no gradient touches; `work`, what an example takes.
"""
