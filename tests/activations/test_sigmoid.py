from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.sigmoid import Sigmoid


def test_against_the_formula() -> None:
    x = np.array([[[-3.0, -0.5, 0.0, 4.0]]])
    y, dx, _ = Bench(Sigmoid(), shape=(4,)).step(x, np.full(x.shape, 2.0))
    expected = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    np.testing.assert_allclose(dx, 2 * expected * (1 - expected), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_inputs(dtype: str) -> None:
    x = np.array([[[-1e30, -30.0, 30.0, 1e30]]], dtype)
    with np.errstate(over="ignore"):
        y, dx, _ = Bench(Sigmoid(), shape=(4,), dtype=dtype).step(x, np.ones_like(x))
    np.testing.assert_allclose(y, [[[0, np.exp(-30.0), 1, 1]]], rtol=1e-6)
    assert np.isfinite(dx).all()
    assert dx[0, 0, 1] > 0


def test_its_slope_is_a_quarter_at_most() -> None:
    x = np.linspace(-5, 5, 1001).reshape(1, 1, -1)
    _, dx, _ = Bench(Sigmoid(), shape=(1001,)).step(x, np.ones_like(x))
    assert dx.max() == 0.25
