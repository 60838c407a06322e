from __future__ import annotations

import math

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.gelu import Gelu

X = np.array([[[-6.0, -1.0, -0.1, 0.0, 0.7, 3.0]]])


def phi(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def share(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def test_against_the_formula() -> None:
    y, dx, _ = Bench(Gelu(), shape=(6,)).step(X, np.full(X.shape, 5.0))
    np.testing.assert_allclose(y[0, 0], [x * share(x) for x in X[0, 0]], rtol=1e-13)
    np.testing.assert_allclose(dx[0, 0], [5 * (share(x) + x * phi(x)) for x in X[0, 0]], rtol=1e-13)


def test_the_tanh_form_against_its_formula() -> None:
    y, _, _ = Bench(Gelu("tanh"), shape=(6,)).step(X, np.ones(X.shape))
    expected = 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_the_tanh_form_is_near() -> None:
    x = np.linspace(-6, 6, 1201).reshape(1, 1, -1)
    exact, near = (Bench(Gelu(form), shape=(1201,)).forward(x) for form in ("none", "tanh"))
    assert 1e-5 < np.abs(exact - near).max() < 1e-3


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_inputs(approximate: str, dtype: str) -> None:
    x = np.array([[[-1e30, -1e4, 1e4, 1e30]]], dtype)
    with np.errstate(over="ignore", under="ignore"):
        y, dx, _ = Bench(Gelu(approximate), shape=(4,), dtype=dtype).step(x, np.ones_like(x))
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(dx, [[[0, 0, 1, 1]]])
