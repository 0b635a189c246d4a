"""Whatever is multiplied by J: the product of the dense matrix, or a refusal; never a part of it."""

import hypothesis.strategies as st
import numpy as np
import optax
import pytest
from hypothesis import given, settings

from fuzzing import examples
from tiny import Tiny
from training_jacobian.jacobian.operator import TrainingJacobian

TINY = Tiny()
J = TrainingJacobian(TINY.trajectory(optax.sgd(0.3, momentum=0.9)))
DENSE = J.columns(0, TINY.size)
DTYPES = ("f8", "f4", "f2", ">f8", "longdouble", "c16", "c8", ">c16", "i8", "i2", "u1", "?", "O", "U3", "S2", "M8[s]")
REFUSED = "OUSMmV"
PRODUCTS = {
    "J @ X": (lambda X: J @ X, DENSE),
    "J.T @ X": (lambda X: J.T @ X, DENSE.T),
    "J.H @ X": (lambda X: J.H @ X, DENSE.T),
    "(J - 2i I) @ X": (lambda X: J @ X - 2j * X, DENSE - 2j * np.eye(TINY.size)),
    "snapshots": (lambda X: J.snapshots(X, [9])[9], DENSE),
}


@st.composite
def vectors(draw):
    """An array of any dtype, shape, order and strides, some of its numbers not finite."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rows = draw(st.sampled_from([TINY.size] * 6 + [0, 1, TINY.size - 1, TINY.size + 1]))
    shape = draw(st.sampled_from([(rows,), (rows, 0), (rows, 1), (rows, 2), (rows, 5), (1, rows), (rows, 2, 1)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wide = random.integers(-9, 9, tuple(2 * each for each in shape)).astype("f8")
    if dtype.kind == "c":
        wide = wide + 1j * wide[..., ::-1]
    made = np.zeros(wide.shape, dtype)
    made[...] = wide.astype("i8").astype(dtype) if dtype.kind in "M" else wide.astype(dtype)
    step = draw(st.sampled_from([1, 2, -1, -2]))
    made = made[tuple(slice(None, None, step) for _ in shape)][tuple(slice(0, each) for each in shape)]
    if draw(st.booleans()):
        made = np.asfortranarray(made)
    if made.size and made.dtype.kind in "fc" and draw(st.booleans()):
        made = made.copy()
        made[(0,) * made.ndim] = draw(st.sampled_from([np.nan, np.inf]))
    made.flags.writeable = draw(st.booleans())
    return made


def check(product, dense, X):
    """The product is that of the dense matrix, column by column, or X is refused, and is what it was."""
    before = X.copy()
    fits = X.ndim in (1, 2) and X.shape[0] == TINY.size
    if X.dtype.kind in REFUSED or not fits:
        with pytest.raises((ValueError, TypeError)) as refused:
            product(X)
        assert str(refused.value)
        return
    with np.errstate(all="ignore"):
        found = product(X)
        plain = X.astype(complex if X.dtype.kind == "c" else float)
        expected = dense @ plain
        finite = np.isfinite(plain).all(axis=0)
    assert found.shape == expected.shape
    assert np.iscomplexobj(found) == np.iscomplexobj(expected)
    np.testing.assert_allclose(found[..., finite], expected[..., finite], rtol=0, atol=1e-11)
    assert not np.isfinite(found[..., ~finite]).all(axis=0).any()
    np.testing.assert_array_equal(X, before)


@settings(max_examples=examples(30))
@given(st.sampled_from(sorted(PRODUCTS)), vectors())
def test_products(name, X):
    check(*PRODUCTS[name], X)


def test_a_product_without_its_imaginary_part_is_found_out():
    """Negative control: what 9687bc7 did."""
    X = np.ones(TINY.size) + 1j
    with pytest.raises(AssertionError):
        check(lambda X: J @ X.real, DENSE, X)
