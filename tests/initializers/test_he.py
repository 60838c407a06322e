from __future__ import annotations

import numpy as np
import pytest

from dltricks.initializers.he import He


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated"])
def test_the_deviation_is_that_of_the_formula(distribution: str) -> None:
    W = He(distribution).draw(np.random.default_rng(0), (400, 900), 400, 900)
    assert W.shape == (400, 900)
    assert abs(W.std() / np.sqrt(2 / 400) - 1) < 0.01
    assert abs(W.mean()) < 0.01 * np.sqrt(2 / 400)


def test_the_mean_square_is_kept_through_ten_layers_of_relu() -> None:
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(100, 200))
        for _ in range(10):
            x = np.maximum(x @ He().draw(rng, (200, 200), 200, 200), 0)
        found.append(np.square(x).mean())
    assert abs(np.mean(found) - 1) < 0.4
