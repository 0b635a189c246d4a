"""What a network from a file computes for an example, and so what its jobs need: from its program."""

import pytest

import own_files
from training_jacobian.learning.models import mlp
from training_jacobian.workflow.needs import Needs


def work(tmp_path, monkeypatch, shape=(3,), **model):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, own_files.examples(shape))
    made = own_files.load(model={"name": "file", **model})
    run = made.params.runs["mine"]
    needs = Needs(made.params, run)
    assert needs.memory["columns"] > 0  # asked while the files are there
    return needs, run.facts("model").work(run.shapes)


def test_a_network_of_dense_layers_is_counted_as_the_built_in_one(tmp_path, monkeypatch):
    needs, found = work(tmp_path, monkeypatch, path="net.py", width=5)
    shapes = mlp.shapes({"hidden": [5]}, 3, 3)
    assert found[:3] == mlp.work(shapes)[:3]
    assert needs.layers == found


@pytest.mark.parametrize(
    ("path", "shape", "into", "out", "multiplications"),
    [
        # convolution of 3x3 on 4x4 pixels, 1 -> 2 channels; pooled to 2x2x2; dense to 3 classes
        ("conv.py", (4, 4, 1), (16, 8), (32,), 32 * 9 + 8 * 3),
        # q, k, v of 3 words of width 2; q k and its product with v; dense to 3 classes
        ("attention.py", (3, 2), (6, 6, 6, 12, 15, 2), (6, 6, 6, 9, 6), 3 * 6 * 2 + 9 * 2 + 6 * 3 + 2 * 3),
        ("eqx.py", (3,), (3, 3), (3,), 9 + 9),
        ("nnx.py", (3,), (3, 3), (3,), 9 + 9),
    ],
)
def test_products(tmp_path, monkeypatch, path, shape, into, out, multiplications):
    _, found = work(tmp_path, monkeypatch, shape, path=path)
    assert (sorted(found[0]), sorted(found[1])) == (sorted(into), sorted(out))
    assert found[2:] == (multiplications, 0)


def test_a_convolution_needs_more_memory_than_its_parameters_tell(tmp_path, monkeypatch):
    small, _ = work(tmp_path, monkeypatch, (4, 4, 1), path="conv.py")
    large, found = work(tmp_path, monkeypatch, (64, 64, 1), path="conv.py")
    assert large.activations == 4 * found[1][0] * 8 == 4 * 64 * 64 * 2 * 8
    assert large.memory["columns"] > small.memory["columns"]
