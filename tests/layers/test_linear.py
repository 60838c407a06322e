from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.layers.linear import Linear


def test_against_the_formula() -> None:
    bench = Bench(Linear(5))
    x, dy = inputs(1, 7, (12,)), inputs(1, 7, (5,), seed=1)
    y, dx, _ = bench.step(x, dy)
    layer = bench.layer
    np.testing.assert_allclose(y[0], x[0] @ layer.W[0] + layer.b[0], rtol=1e-13)
    np.testing.assert_allclose(layer.dW[0], x[0].T @ dy[0], rtol=1e-12)
    np.testing.assert_allclose(layer.db[0], dy[0].sum(0), rtol=1e-12)
    np.testing.assert_allclose(dx[0], dy[0] @ layer.W[0].T, rtol=1e-12)


def test_without_a_bias() -> None:
    bench = Bench(Linear(5, bias=False))
    x = inputs(1, 7, (12,))
    np.testing.assert_allclose(bench.forward(x)[0], x[0] @ bench.layer.W[0], rtol=1e-13)
    assert bench.store.size == 60


def test_no_gradient_of_the_input_where_none_is_needed() -> None:
    bench = Bench(Linear(5))
    bench.layer.needs_dx = False
    x = inputs(1, 7, (12,))
    bench.forward(x)
    assert bench.layer.backward(np.ones((1, 7, 5))) is None
    np.testing.assert_allclose(bench.layer.dW[0], x[0].T @ np.ones((7, 5)), rtol=1e-12)


def test_images_are_refused() -> None:
    with pytest.raises(UsageError, match="flatten them first"):
        Bench(Linear(5), shape=(3, 2, 8))
