from __future__ import annotations

import numpy as np
import pytest

from dltricks.initializers.gaussian import Gaussian


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated"])
def test_the_deviation_is_that_of_the_formula(distribution: str) -> None:
    W = Gaussian(distribution).draw(np.random.default_rng(0), (400, 900), 400, 900)
    assert W.shape == (400, 900)
    assert abs(W.std() / (1 / 400) - 1) < 0.01
    assert abs(W.mean()) < 0.01 * (1 / 400)


def test_outputs_shrink_with_the_root_of_the_width() -> None:
    x = np.random.default_rng(1).normal(size=(200, 400))
    y = x @ Gaussian().draw(np.random.default_rng(0), (400, 400), 400, 400)
    assert abs(y.std() * np.sqrt(400) - 1) < 0.02
