from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.silu import Silu


def test_against_the_formula() -> None:
    x = np.array([[[-3.0, -0.5, 0.0, 4.0]]])
    y, dx, _ = Bench(Silu(), shape=(4,)).step(x, np.full(x.shape, 2.0))
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(y, x * s, rtol=1e-14)
    np.testing.assert_allclose(dx, 2 * (s + x * s * (1 - s)), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_inputs(dtype: str) -> None:
    x = np.array([[[-1e30, -1e4, 1e4, 1e30]]], dtype)
    with np.errstate(over="ignore"):
        y, dx, _ = Bench(Silu(), shape=(4,), dtype=dtype).step(x, np.ones_like(x))
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(dx, [[[0, 0, 1, 1]]])
