"""What the jobs of a run need of memory and disk, and what time they take depends on, from its parameters alone.

Memory is what the function of a stage holds at its peak, counted in its arrays, on top of what Python and its libraries
take; what analyses hold, their declarations say in the quantities of `Needs`.  `benchmarks/needs.py` sets the estimates
beside what jobs took: from N = 4810 on none took more than estimated, and none less than half of it.  Whether it fits:
fits.py; how long it takes: times.py.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from training_jacobian.declaration import JAX, PYTHON
from training_jacobian.workflow import catalog
from training_jacobian.workflow.catalog import ANALYSES
from training_jacobian.workflow.params import Run

# as in training.py, operator.py and run.py, which import JAX
KEPT, CHUNK, CACHE, SEGMENT, SEGMENT_OF_PRODUCTS = 2**30, 32, 320 * 2**10, 192 * 2**20, 2**30
CLIPPED = 4  # vectors (N,) more in the linearised update with `clip_norm`


@dataclass(frozen=True)
class Needs:
    """Of one run.  Jobs are named like stages; `columns` is one block of the Jacobian, `jacobian` gathers them.

    N parameters, T steps, B examples a step.  Nothing here takes time or memory that grows with N.
    """

    params: Any
    run: Run

    def settings(self, section: str) -> Any:
        """The section of an analysis in params.yaml."""
        return self.params.settings(section)

    @cached_property
    def size(self) -> int:
        """N, the number of parameters."""
        return self.run.size

    @cached_property
    def train_size(self) -> int:
        """Examples for training."""
        return int(self.run.data.train_size)

    @cached_property
    def test_size(self) -> int:
        """Examples held out."""
        return int(self.run.data.test_size)

    @cached_property
    def classes(self) -> int:
        """Outputs of the network."""
        return int(self.run.facts("data").CLASSES)

    @cached_property
    def matrix(self) -> int:
        """Bytes of a matrix (N, N) in float64."""
        return 8 * self.size**2

    @cached_property
    def narrow(self) -> int:
        """Bytes of J (N, N) in the run's dtype."""
        return self.itemsize * self.size**2

    @cached_property
    def widened(self) -> int:
        """Bytes that a J in float32 takes beside its copy in float64."""
        return self.narrow if self.itemsize == 4 else 0

    @cached_property
    def itemsize(self) -> int:
        """Bytes of a number in the run's dtype."""
        return 4 if self.run.training.dtype == "float32" else 8

    @cached_property
    def state(self) -> int:
        """Bytes of theta and of what the optimizer remembers."""
        optimizer = self.run.training.optimizer
        more = optimizer.name != "sgd" and getattr(optimizer, "momentum", None) is not None
        return (1 + self._of_optimizer("VECTORS", 2) + more) * self.size * self.itemsize

    def _of_optimizer(self, fact: str, otherwise: int) -> int:
        """What an optimizer says of itself, or as of Adam."""
        return int(getattr(self.run.facts("training.optimizer"), fact, otherwise))

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
    def theta(self) -> int:
        """Bytes of theta in them."""
        return self.stored * self.size * self.itemsize // self.state

    @cached_property
    def layers(self) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
        """Of one example: numbers into each layer, numbers out of each hidden one, multiplications.

        And how many weights a linearised step need not keep.  As the model says, or as of dense layers.
        """
        if work := getattr(self.run.facts("model"), "work", None):
            made: tuple[tuple[int, ...], tuple[int, ...], int, int] = work(self.run.shapes)
            return made
        kernels = [shape for shape in self.run.shapes.values() if len(shape) > 1]
        into = tuple(math.prod(shape[:-1]) for shape in kernels)
        return into, tuple(shape[-1] for shape in kernels[:-1]), sum(map(math.prod, kernels)), 0

    @cached_property
    def widest(self) -> int:
        """Numbers out of the largest hidden layer."""
        return max(self.layers[1], default=0)

    @cached_property
    def multiplications(self) -> int:
        """Of one example, forward."""
        return self.layers[2]

    @cached_property
    def examples(self) -> int:
        """Bytes of the inputs of both parts, three times: as they are read, converted, and in JAX."""
        return 3 * (self.train_size + self.test_size) * int(self.run.facts("data").INPUTS) * self.itemsize

    @cached_property
    def _in_floats(self) -> bool:
        """Whether inputs are stored as float64, not as bytes."""
        return not self.run.facts("data").RAW or getattr(self.run.data, "inputs", "") == "white_noise"

    @cached_property
    def activations(self) -> int:
        """Bytes of what the hidden layers make of a batch."""
        return self.run.training.batch_size * sum(self.layers[1]) * self.itemsize

    @cached_property
    def linearized(self) -> int:
        """Bytes of one linearised step: `Point` in learning/layered.py, and the optimizer's update."""
        (into, hidden, _, saved), training = self.layers, self.run.training
        numbers = sum(into) + 2 * sum(hidden) + sum((*hidden, self.classes)[1:]) + self.classes
        vectors = 1 + self._of_optimizer("DERIVED", 5) + (CLIPPED if training.clip_norm else 0)
        return self.itemsize * (training.batch_size * numbers + vectors * self.size - saved)

    def products(self, vectors: int, memory: int = SEGMENT_OF_PRODUCTS) -> int:
        """Bytes that products of J with so many vectors take, in segments of linearised steps of `memory` bytes.

        The steps of a segment twice (as XLA computes and as it keeps them: LeNet-5's), its states three times (read, in
        JAX, in parts), tangents with what a step makes of them, and the examples.
        """
        steps, most = self.run.steps, max(1, memory // self.linearized)
        window = -(-steps // -(-steps // most))
        fitting = max(4, min(CHUNK, CACHE // (self.size * self.itemsize)))
        chunk = min(vectors, 2 ** (fitting.bit_length() - 1) if steps <= most else CHUNK)
        states = window + (2 * self.every if self.every > 1 else 0)
        tangents = chunk * (6 * self.state + 4 * self.activations) + 4 * vectors * self.size * self.itemsize
        return 2 * window * self.linearized + 3 * states * self.state + tangents + self.examples

    @cached_property
    def basis(self) -> int:
        """Bytes of a partial SVD: V, U, A V and A^T U, one of them twice while it grows; and, for its triplets, U, V,
        both residuals and what converged.
        """
        svd: Any = self.run.svd
        return 8 * self.size * (5 * min(svd.products, self.size) + 8 * svd.rank + 8 * svd.block)

    def trained(self, count: int) -> int:
        """Bytes that so many trainings side by side take: states, gradients, activations, test outputs, examples."""
        outputs = self.test_size * self.classes * self.itemsize
        return count * (4 * self.state + 3 * self.activations + 3 * outputs) + self.examples

    @cached_property
    def training(self) -> float:
        """Floating-point operations of a training: a gradient takes 6 for each multiplication."""
        return 6.0 * self.run.training.batch_size * self.multiplications * self.run.steps

    @cached_property
    def tangent(self) -> float:
        """Of a tangent of it: 12 for each multiplication; 4 in a first layer into which go data, which have none."""
        *_, multiplications, first = self.layers
        return 2.0 * self.run.training.batch_size * (6 * multiplications - 4 * first) * self.run.steps

    @cached_property
    def own(self) -> list[str]:
        """Stages, and analyses with settings, that the run may have."""
        possible = [each for each in catalog.ORDER if catalog.method(each) in (None, self.run.svd.method)]
        return [each for each in possible if all(self.settings(section) for section in catalog.sections(each))]

    @cached_property
    def memory(self) -> dict[str, int]:
        """Bytes at the peak of each job."""
        facts, training = self.run.facts("data"), self.run.training
        whole = facts.EXAMPLES * facts.INPUTS * (8 if self._in_floats else 2)
        theta, outputs = self.size * self.itemsize, self.train_size * self.classes * self.itemsize
        # states as they come and once more with the last one; then the networks after each epoch, evaluated
        states = 5 * self.stored // 2 + 6 * self.state + (training.epochs + 1) * (theta + 2 * outputs)
        block = min(self.params.compute.columns_per_job, self.size) * theta
        of_stages = {
            "data": PYTHON + 2 * whole,
            "train": JAX + self.examples + states + 3 * self.activations,
            "columns": JAX + self.products(CHUNK, SEGMENT),
            # two blocks: one is read before the last is let go
            "jacobian": PYTHON + self.narrow + 2 * block + self.size**2 // 8,
            # J, J in Fortran's order, U, Vt, and 3 N^2 in which gesdd works
            "svd": PYTHON + self.widened + 7 * self.matrix,
        }
        jobs = [*self.own, *(["columns"] if "jacobian" in self.own else [])]
        return {job: of_stages[job] if job in of_stages else ANALYSES[job].memory(self) for job in jobs}

    @cached_property
    def disk(self) -> dict[str, int]:
        """Bytes of the artifacts of each stage, tables aside."""
        facts = self.run.facts("data")
        number = 8 if self._in_floats else 1
        of_stages = {
            "data": (self.train_size + self.test_size) * facts.INPUTS * number,
            "train": self.stored,
            "jacobian": self.narrow,
            "svd": 2 * self.matrix,
        }
        made = {each: of_stages[each] if each in of_stages else ANALYSES[each].disk(self) for each in self.own}
        return {stage: size for stage, size in made.items() if size}

    @cached_property
    def passing(self) -> dict[str, int]:
        """Bytes beside these that are deleted again: the blocks of a J, the products of an analysis."""
        made = {each: ANALYSES[each].passing(self) for each in self.own if each in ANALYSES}
        return {stage: size for stage, size in (made | {"jacobian": self.narrow}).items() if size}
