from __future__ import annotations

import numpy as np
import pytest

from dltricks.initializers.glorot import Glorot


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated"])
def test_the_deviation_is_that_of_the_formula(distribution: str) -> None:
    W = Glorot(distribution).draw(np.random.default_rng(0), (400, 900), 400, 900)
    assert W.shape == (400, 900)
    assert abs(W.std() / np.sqrt(2 / 1300) - 1) < 0.01
    assert abs(W.mean()) < 0.01 * np.sqrt(2 / 1300)


def test_the_variance_is_kept_through_ten_layers_forward_and_backward() -> None:
    rng = np.random.default_rng(0)
    x, gradient = rng.normal(size=(2, 200, 400))
    for _ in range(10):
        W = Glorot().draw(rng, (400, 400), 400, 400)
        x, gradient = x @ W, gradient @ W.T
    assert abs(x.var() - 1) < 0.25
    assert abs(gradient.var() - 1) < 0.25
