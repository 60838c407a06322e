from __future__ import annotations

import numpy as np
import pytest

from dltricks.activations.tanh import Tanh
from dltricks.core.layer import Context

pytestmark = pytest.mark.compiled


def test_tanh_is_right_to_float32() -> None:
    from dltricks.compiled.elementwise import tanh

    sizes = np.concatenate([np.linspace(0, 12, 300_001), np.logspace(-37, 0, 100_000)])
    x = np.concatenate([sizes, -sizes]).astype(np.float32)
    y = np.empty_like(x)
    tanh(x, y)
    right = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(y, right, rtol=5e-7, atol=0)
    assert np.abs(y).max() == 1


def test_tanh_of_what_is_no_number() -> None:
    from dltricks.compiled.elementwise import tanh

    x = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 3e38], np.float32)
    y = np.empty_like(x)
    tanh(x, y)
    np.testing.assert_array_equal(y, np.array([np.nan, 1, -1, 0, -0.0, 1], np.float32))
    assert np.signbit(y[4])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_as_a_layer_is_that_of_numpy(dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 2, 3, 40_000)).astype(dtype)
    found = []
    for compiled in (False, True):
        layer = Tanh()
        layer.attach("tanh", iter(range(1)), 2, np.dtype(dtype), compiled)
        layer.allocate(x.shape)
        y = layer.forward(x.copy(), Context()).copy()
        dx = layer.backward(dy.copy())
        assert dx is not None
        found.append((y, dx))
    accuracy = 5e-7 if dtype is np.float32 else 1e-15
    for plain, fast in zip(*found, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=0, atol=5 * accuracy)
