from __future__ import annotations

import math

import numpy as np
from layers.bench import Bench

from dltricks.activations.tanh import Tanh


def test_against_the_formula() -> None:
    x = np.array([[[-50.0, -1.0, 0.0, 0.5]]])
    y, dx, _ = Bench(Tanh(), shape=(4,)).step(x, np.full(x.shape, 2.0))
    expected = np.array([math.tanh(value) for value in x[0, 0]])
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-14)
    np.testing.assert_allclose(dx[0, 0], 2 * (1 - expected**2), rtol=1e-14)


def test_gradients_vanish_with_depth_when_units_saturate() -> None:
    x = np.full((1, 1, 4), 2.0)
    gradient = np.ones((1, 1, 4))
    for _ in range(10):
        x, gradient, _ = Bench(Tanh(), shape=(4,)).step(x, gradient)
    assert gradient.max() < 0.01
