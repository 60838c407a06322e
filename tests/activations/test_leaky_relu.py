from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.leaky_relu import LeakyRelu

X = np.array([[[-3.0, -0.5, 0.0, 2.0]]])


def test_against_the_formula() -> None:
    y, dx, _ = Bench(LeakyRelu(0.1), shape=(4,)).step(X, np.full(X.shape, 5.0))
    np.testing.assert_allclose(y, [[[-0.3, -0.05, 0, 2]]], rtol=1e-15)
    np.testing.assert_array_equal(dx, [[[0.5, 0.5, 0.5, 5]]])


def test_each_replica_has_its_own_slope() -> None:
    y = Bench(LeakyRelu(0.0), LeakyRelu(1.0), shape=(4,)).forward(np.repeat(X, 2, 0))
    np.testing.assert_array_equal(y, [[[0, 0, 0, 2]], [[-3, -0.5, 0, 2]]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_of_what_passes_is_exactly_one(dtype: str) -> None:
    slopes = np.linspace(0, 1, 1001)
    x = np.ones((1001, 1, 4), dtype)
    _, dx, _ = Bench(*(LeakyRelu(float(slope)) for slope in slopes), shape=(4,), dtype=dtype).step(x, x)
    assert (dx == 1).all()
