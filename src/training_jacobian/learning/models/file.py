"""A network of the user's: a file that defines `init(key, ...)` and `apply(params, inputs, ...)`.

Parameters are any pytree of arrays; theta is its leaves, one after another.  Further keys of the section are arguments
of the two functions; where `init` names `inputs`, it gets the width, or the shape, of an example; where it or `apply`
names `classes`, the number of outputs.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from training_jacobian.artifacts.sources import CodeError
from training_jacobian.learning.given import Expected, FromFile, Given, place

EXPECTED = Expected(
    functions={"init": ("key",), "apply": ("params", "inputs")},
    given={"init": ("inputs", "classes"), "apply": ("classes",)},
    example="a model defines init(key, ...), which gives its parameters, and apply(params, inputs, ...), its outputs",
)


class Options(FromFile):
    """The keys are arguments of `init` and `apply`."""

    expected: ClassVar[Expected] = EXPECTED


class Network(Given):
    """What of a model others need, made of a file."""

    any_shape = True  # inputs (n, d), images (n, h, w, c), or others

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options, EXPECTED)
        self._shapes: dict[Any, Any] = {}
        self._work: dict[Any, tuple[tuple[int, ...], tuple[int, ...], int, int]] = {}

    def _key(self, seed: int) -> Any:
        import jax

        return jax.random.key(seed, impl="threefry2x32")

    def shapes(self, options: Mapping[str, Any], inputs: Any, classes: int) -> Any:
        """Names and shapes in the order of theta, of inputs (n, d), d = `inputs`, or of another shape.

        Nothing is computed.  Raises CodeError.
        """
        if (inputs, classes) not in self._shapes:
            self._shapes[inputs, classes] = self._parts(inputs=inputs, classes=classes)
        return self._shapes[inputs, classes]

    def _parts(self, **facts: Any) -> Any:
        import jax

        from training_jacobian.learning.pytree import Parts, named

        wrong = []

        def made() -> Any:
            tree = self.call("init", self._key(0), **facts)
            try:
                named(tree)
            except (TypeError, ValueError) as error:
                wrong.append(f"{place(self.functions['init'])}: init: {error}")
                raise
            return tree

        try:
            with jax.enable_x64(False):
                return Parts(jax.eval_shape(made), **facts)
        except Exception as error:
            raise CodeError(wrong[0] if wrong else self.told(error, "init")) from error

    def outputs(self, parts: Any) -> Callable[[Any, Any], Any]:
        """Function (theta (N,), inputs) -> outputs (n, classes); `parts` are its `shapes`."""
        classes = parts.facts["classes"]
        return lambda theta, inputs: self.call("apply", parts.tree(theta), inputs, classes=classes)

    def work(self, parts: Any) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
        """As of mlp.py, of one example, for its products by matrix or convolution; the last number is 0."""
        asked = parts.facts["inputs"], parts.facts["classes"]
        if asked not in self._work:
            self._work[asked] = self._counted(parts)
        return self._work[asked]

    def _counted(self, parts: Any) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
        import jax

        from training_jacobian.learning.counting import products
        from training_jacobian.learning.layout import size

        shape = parts.facts["inputs"]
        theta, inputs = (
            jax.ShapeDtypeStruct(each, np.float32)  # type: ignore[no-untyped-call]
            for each in ((size(parts),), (1, *(shape if isinstance(shape, tuple) else (shape,))))
        )
        found = products(self.outputs(parts), theta, inputs)
        into, out = tuple(each.into for each in found), tuple(each.out for each in found)
        return into, out[:-1], sum(each.multiplications for each in found), 0

    def draw(self, parts: Any, seed: int) -> np.ndarray:
        """theta_0 (N,): what `init` makes of a key.  Drawn in 32 bits, so that runs of either precision start alike.

        Raises ValueError if it is not finite, or another one when it is drawn again.
        """
        found, again = self._drawn(parts, seed), self._drawn(parts, seed)
        for name, shape in parts.items():
            if found[name].shape != shape or not np.array_equal(found[name], again[name], equal_nan=True):
                raise ValueError(
                    f"{self.path}: `init` gives another params.{name} when it is called again; make it depend on the "
                    "key alone"
                )
        for name, leaf in found.items():
            if not np.isfinite(leaf.astype(np.float64)).all():
                raise ValueError(f"{self.path}: init gives params.{name} that is not finite, with seed {seed}")
        return np.concatenate([leaf.astype(np.result_type(leaf, np.float32)).ravel() for leaf in found.values()])

    def _drawn(self, parts: Any, seed: int) -> dict[str, np.ndarray]:
        import jax

        from training_jacobian.learning.pytree import named

        with jax.enable_x64(False):
            leaves = named(self.call("init", self._key(seed), **parts.facts))
        return {name: np.asarray(leaf) for name, leaf in leaves.items()}


of = Network.of
