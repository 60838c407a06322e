from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.activations.elu import Elu

X = np.array([[[-60.0, -0.5, 0.0, 2.0]]])


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5])
def test_against_the_formula(alpha: float) -> None:
    y, dx, _ = Bench(Elu(alpha), shape=(4,)).step(X, np.full(X.shape, 5.0))
    low = alpha * (np.exp(np.minimum(X, 0)) - 1)
    np.testing.assert_allclose(y, np.where(X > 0, X, low), rtol=1e-14)
    np.testing.assert_allclose(dx, 5 * np.where(X > 0, 1, low + alpha), rtol=1e-14, atol=1e-15)


def test_each_replica_has_its_own_floor() -> None:
    y = Bench(Elu(1.0), Elu(0.25), shape=(4,)).forward(np.full((2, 1, 4), -1e30))
    np.testing.assert_array_equal(y[:, 0, 0], [-1, -0.25])


def test_mean_outputs_come_nearer_to_zero_than_those_of_relu() -> None:
    x = np.random.default_rng(0).normal(size=(1, 1000, 4))
    assert Bench(Elu(), shape=(4,)).forward(x).mean() < 0.5 * np.maximum(x, 0).mean()
