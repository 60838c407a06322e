from __future__ import annotations

import numpy as np
from layers.bench import Bench, inputs

from dltricks.layers.flatten import Flatten


def test_no_memory_moves() -> None:
    bench = Bench(Flatten(), shape=(3, 2, 8))
    x = inputs(1, 5, (3, 2, 8))
    y = bench.forward(x)
    assert y.shape == (1, 5, 48)
    assert np.shares_memory(x, y)
    np.testing.assert_array_equal(y[0, 2], x[0, 2].ravel())
    dx = bench.layer.backward(y)
    assert dx is not None
    assert dx.shape == x.shape
    assert np.shares_memory(dx, y)
