from __future__ import annotations

import numpy as np
from layers.bench import Bench

from dltricks.activations.relu import Relu

X = np.array([[[-3.0, -0.0, 0.0, 2.0]]])


def test_against_the_formula() -> None:
    y, dx, _ = Bench(Relu(), shape=(4,)).step(X, np.full(X.shape, 5.0))
    np.testing.assert_array_equal(y, [[[0, 0, 0, 2]]])
    np.testing.assert_array_equal(dx, [[[0, 0, 0, 5]]])


def test_it_halves_the_mean_square_of_symmetric_inputs() -> None:
    x = np.random.default_rng(0).normal(size=(1, 1000, 100))
    y = Bench(Relu(), shape=(100,)).forward(x)
    assert abs(np.square(y).mean() - 0.5) < 0.01


def test_it_hides_no_nan() -> None:
    assert np.isnan(Bench(Relu(), shape=(4,)).forward(np.full((1, 1, 4), np.nan))).all()
