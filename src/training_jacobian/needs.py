"""What the jobs of a run need of memory, disk and time, from its parameters alone.

Memory is what the function of a stage holds at its peak, counted in its arrays, on top of what Python and its libraries
take.  `benchmarks/needs.py` sets the estimates beside what jobs took: from N = 4810 on none took more than estimated,
and none less than half of it.  Whether it fits: fits.py.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from training_jacobian.datasets import dataset
from training_jacobian.params import Params, PartialSvd, Run

PYTHON, JAX = 200 * 10**6, 420 * 10**6  # bytes of a job that holds nothing: with numpy; with JAX and what it compiles
# as in training.py, linear_operator.py and stages/triplets.py, which import JAX
KEPT, CHUNK, CACHE, SEGMENT, SEGMENT_OF_PRODUCTS = 2**30, 32, 320 * 2**10, 192 * 2**20, 2**30
# of optimizers that are not named here, as of Adam
LEAVES = {"sgd": 1, "adam": 2, "adamw": 2, "lion": 1, "rmsprop": 1}  # vectors (N,) in an optimizer's memory
DERIVED = {"sgd": 0, "adam": 5, "adamw": 5, "lion": 0, "rmsprop": 4}  # in its update, linearised
CLIPPED = 4  # more of them with `clip_norm`
# of one example in LeNet-5: numbers into each layer and out of the hidden ones, multiplications
LENET = ((1024, 1176, 400, 120, 84), (4704, 1600, 120, 84), 416520)
FLOPS = 5e9  # a second and thread, which a slow core reaches too; one of a Xeon with AVX-512 has ten times as many
MINUTES = {"train": 30, "triplets": 240, "density": 240, "responses": 240}  # at least; 60 where none stand


@dataclass(frozen=True)
class Needs:
    """Of one run.  Jobs are named like stages; `columns` is one block of the Jacobian, `jacobian` gathers them.

    N parameters, T steps, B examples a step.  Nothing here takes time or memory that grows with N.
    """

    params: Params
    run: Run

    @cached_property
    def itemsize(self) -> int:
        """Bytes of a number in the run's dtype."""
        return 4 if self.run.training.dtype == "float32" else 8

    @cached_property
    def state(self) -> int:
        """Bytes of theta and of what the optimizer remembers."""
        optimizer = self.run.training.optimizer
        leaves = 1 + LEAVES.get(optimizer.name, 2) + (getattr(optimizer, "momentum", None) is not None)
        return (leaves - (optimizer.name == "sgd")) * self.run.size * self.itemsize

    @cached_property
    def every(self) -> int:
        """k, each k-th state is kept: `training.every`."""
        steps, states = self.run.steps // self.run.training.epochs, (self.run.steps + 1) * self.state
        return next((k for k in range(1, steps + 1) if steps % k == 0 and states <= k * KEPT), steps)

    @cached_property
    def stored(self) -> int:
        """Bytes of the states in train.h5."""
        return (self.run.steps // self.every + 1) * self.state

    @cached_property
    def layers(self) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """Of one example: numbers into each layer, numbers out of each hidden one, multiplications."""
        if self.run.model.name == "lenet5":
            return LENET
        kernels = [shape for shape in self.run.shapes.values() if len(shape) > 1]
        into = tuple(math.prod(shape[:-1]) for shape in kernels)
        return into, tuple(shape[-1] for shape in kernels[:-1]), sum(map(math.prod, kernels))

    @cached_property
    def examples(self) -> int:
        """Bytes of the inputs of both parts, three times: as they are read, converted, and in JAX."""
        count = self.run.data.train_size + self.run.data.test_size
        return 3 * count * dataset(self.run.data.name).INPUTS * self.itemsize

    @cached_property
    def activations(self) -> int:
        """Bytes of what the hidden layers make of a batch."""
        return self.run.training.batch_size * sum(self.layers[1]) * self.itemsize

    @cached_property
    def linearized(self) -> int:
        """Bytes of one linearised step: `Point` in models/layered_gradient.py, and the optimizer's update."""
        (into, hidden, _), training = self.layers, self.run.training
        classes = dataset(self.run.data.name).CLASSES
        numbers = sum(into) + 2 * sum(hidden) + sum((*hidden, classes)[1:]) + classes
        first = into[0] * (hidden[0] if hidden else classes) if self.run.model.name == "mlp" else 0
        vectors = 1 + DERIVED.get(training.optimizer.name, 5) + (CLIPPED if training.clip_norm else 0)
        return self.itemsize * (training.batch_size * numbers + vectors * self.run.size - first)

    def products(self, vectors: int, memory: int) -> int:
        """Bytes that products of J with so many vectors take, in segments of linearised steps of `memory` bytes.

        The steps of a segment twice (as XLA computes and as it keeps them: LeNet-5's), its states three times (read, in
        JAX, in parts), tangents with what a step makes of them, and the examples.
        """
        steps, most = self.run.steps, max(1, memory // self.linearized)
        window = -(-steps // -(-steps // most))
        fitting = max(4, min(CHUNK, CACHE // (self.run.size * self.itemsize)))
        chunk = min(vectors, 2 ** (fitting.bit_length() - 1) if steps <= most else CHUNK)
        states = window + (2 * self.every if self.every > 1 else 0)
        tangents = chunk * (6 * self.state + 4 * self.activations) + 4 * vectors * self.run.size * self.itemsize
        return 2 * window * self.linearized + 3 * states * self.state + tangents + self.examples

    def trained(self, count: int) -> int:
        """Bytes that so many trainings side by side take: states, gradients, activations, test logits, examples."""
        logits = self.run.data.test_size * dataset(self.run.data.name).CLASSES * self.itemsize
        return count * (4 * self.state + 3 * self.activations + 3 * logits) + self.examples

    @cached_property
    def memory(self) -> dict[str, int]:
        """Bytes at the peak of each job."""
        facts, training = dataset(self.run.data.name), self.run.training
        whole = facts.EXAMPLES * facts.INPUTS * (8 if not facts.RAW or self.run.data.inputs == "white_noise" else 2)
        theta, outputs = self.run.size * self.itemsize, self.run.data.train_size * facts.CLASSES * self.itemsize
        # states as they come and once more with the last one; then the networks after each epoch, evaluated
        states = 5 * self.stored // 2 + 6 * self.state + (training.epochs + 1) * (theta + 2 * outputs)
        jobs = {"data": PYTHON + 2 * whole, "train": JAX + self.examples + states + 3 * self.activations}
        return jobs | (self._partial(self.run.svd) if isinstance(self.run.svd, PartialSvd) else self._dense())

    def _partial(self, svd: PartialSvd) -> dict[str, int]:
        N = 8 * self.run.size
        # V, U, A V and A^T U, one of them twice while it grows; of triplets U, V, both residuals and what converged
        basis = N * (5 * min(svd.products, self.run.size) + 8 * svd.rank + 8 * svd.block)
        jobs = {"triplets": JAX + self.products(svd.block, SEGMENT_OF_PRODUCTS) + basis}
        if density := self.params.density:
            lanczos = N * (density.probes * (density.steps + 8) + 2 * svd.rank)
            jobs["density"] = JAX + self.products(density.probes, SEGMENT_OF_PRODUCTS) + lanczos
            kept = N * (2 * svd.rank + density.probes + 6 * self._starts(3))
            jobs["responses"] = JAX + self.products(2, SEGMENT_OF_PRODUCTS) + self.trained(2) + kept
        return jobs

    def _dense(self) -> dict[str, int]:
        params, N, train_size = self.params, self.run.size, self.run.data.train_size
        matrix, J, narrow = 8 * N**2, self.itemsize * N**2, (self.itemsize == 4) * 4 * N**2
        block = min(params.compute.columns_per_job, N) * N * self.itemsize
        theta = self.stored * N * self.itemsize // self.state  # of all states
        classes, widest = dataset(self.run.data.name).CLASSES, max(self.layers[1], default=0)
        networks = 16 * train_size * (2 * widest + 4 * classes) * 8  # behaviour.CHUNK of them together
        jobs = {
            "columns": JAX + self.products(CHUNK, SEGMENT),
            "jacobian": PYTHON + J + 2 * block + N**2 // 8,  # two blocks: one is read before the last is let go
            "svd": PYTHON + narrow + 7 * matrix,  # J, J in Fortran's order, U, Vt, and 3 N^2 in which gesdd works
            "identity": PYTHON + narrow + 3 * matrix,  # J, J - I, the latter in Fortran's order
            "spectrum": PYTHON + 9 * matrix // 2,  # U, Vt, U S, and what is made of the exact bulk
            "perturbation": JAX + 3 * matrix + theta + self.trained(self._starts(4)),
            # U, Vt, U S, and what is made of the exact bulk; then Vt, scaled, and in float64
            "behaviour": JAX + 9 * matrix // 2 + 3 * theta + self.examples + networks,
        }
        if params.subspace:
            share, masks = min(1.0, params.subspace.dimensions.stop / N), 4 * params.subspace.dimensions.num
            bases = int((4 + 3 * share) * matrix)  # Vt, in the dtype, its rows, its columns; random: Q, R, rows
            jobs["subspace"] = JAX + bases + theta + self.trained(masks) + 4 * masks * self.state
        if params.pfj:
            P = 8 * N * max(train_size, self.run.data.test_size) * classes
            # Vt, both orders of the bulk, the last decomposition; P^T P, its vectors, 2 N^2 in which evd works; P twice
            jobs["pfj"] = JAX + 19 * matrix // 2 + 2 * P + theta + self.examples
        if params.angles:
            jobs["angles"] = PYTHON + 11 * matrix // 2  # Vt and what is left of it, of both runs; random rows
        return jobs

    def _starts(self, directions: int) -> int:
        return 1 + directions * (self.params.perturbation.sizes.num if self.params.perturbation else 0)

    @cached_property
    def disk(self) -> dict[str, int]:
        """Bytes of the artifacts of each stage, tables aside; `<stage>, passing`: beside it, until it is there."""
        facts, data, N = dataset(self.run.data.name), self.run.data, self.run.size
        number = 8 if not facts.RAW or data.inputs == "white_noise" else 1
        made = {"data": (data.train_size + data.test_size) * facts.INPUTS * number, "train": self.stored}
        if isinstance(svd := self.run.svd, PartialSvd):
            operators, density = len(svd.operators), self.params.density
            made |= {"triplets": 16 * N * svd.rank * operators}
            made |= {"triplets, passing": 2 * N * self.itemsize * min(svd.products, N) * operators}
            if density:
                made |= {"density": 8 * N * density.probes}
                made |= {"density, passing": 2 * N * self.itemsize * density.probes * density.steps}
            return made
        J = self.itemsize * N**2
        return made | {"jacobian": J, "jacobian, passing": J, "svd": 16 * N**2}

    def minutes(self, job: str, threads: int = 1) -> int:
        """A limit for the time of a job: its operations at 5 GFLOP/s a thread, an hour at least."""
        at_least = MINUTES.get(job, 60)
        return max(at_least, math.ceil(self._operations.get(job, 0) / (60 * FLOPS * threads)))

    @cached_property
    def _operations(self) -> dict[str, float]:
        """Floating-point operations of the jobs whose number grows faster than what they read."""
        params, data, N = self.params, self.run.data, float(self.run.size)
        multiplications = self.layers[2]
        step = 6.0 * self.run.training.batch_size * multiplications  # a gradient; a tangent takes twice that
        tangent, training = 2 * step * self.run.steps, step * self.run.steps
        evaluated = 2.0 * multiplications * (self.run.training.epochs + 1) * (data.train_size + data.test_size)
        made = {"train": training + evaluated}
        if isinstance(self.run.svd, PartialSvd):
            svd, density = self.run.svd, params.density
            made["triplets"] = 2 * tangent * svd.products * len(svd.operators) + 16 * N * svd.products**2
            made["density"] = 2 * tangent * density.probes * density.steps if density else 0
            return made | {"responses": training * self._starts(3)}
        outputs = float(max(data.train_size, data.test_size) * dataset(data.name).CLASSES)
        masks = 4 * params.subspace.dimensions.num if params.subspace else 0
        largest, num = (params.angles.dimensions.stop, params.angles.dimensions.num) if params.angles else (0, 0)
        return made | {
            "columns": tangent * min(params.compute.columns_per_job, N),
            "svd": 22 * N**3,  # gesdd with vectors (Golub and Van Loan, Matrix Computations, section 8.6)
            "identity": 8 * N**3,
            "perturbation": training * self._starts(4),
            "behaviour": 8 * N * data.train_size * multiplications,
            "subspace": masks * (4 * N**2 * self.run.steps + training),
            "pfj": 6 * (2 * outputs * N**2 + 30 * N**3),
            "angles": 4 * num * (2 * N * largest**2 / max(1, num) + 4.0 * largest**3),
        }
