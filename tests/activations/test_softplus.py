from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.softplus import Softplus


def test_against_the_formula() -> None:
    x = np.array([[[-3.0, -0.5, 0.0, 4.0]]])
    y, dx, _ = Bench(Softplus(), shape=(4,)).step(x, np.full(x.shape, 2.0))
    np.testing.assert_allclose(y, np.log(1 + np.exp(x)), rtol=1e-14)
    np.testing.assert_allclose(dx, 2 / (1 + np.exp(-x)), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_inputs_neither_overflow_nor_lose_the_small_ones(dtype: str) -> None:
    x = np.array([[[-1e30, -40.0, 40.0, 1e30]]], dtype)
    y, dx, _ = Bench(Softplus(), shape=(4,), dtype=dtype).step(x, np.ones_like(x))
    np.testing.assert_allclose(y, [[[0, np.exp(-40.0), 40, x[0, 0, 3]]]], rtol=1e-6)
    np.testing.assert_allclose(dx, [[[0, np.exp(-40.0), 1, 1]]], rtol=1e-6)


def test_it_is_a_rounded_relu() -> None:
    x = np.linspace(-8, 8, 161).reshape(1, 1, -1)
    above = Bench(Softplus(), shape=(161,)).forward(x) - np.maximum(x, 0)
    assert (above > 0).all()
    assert abs(above.max() - np.log(2)) < 1e-12
