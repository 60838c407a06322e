from __future__ import annotations

import numpy as np
import pytest

from dltricks.initializers.lecun import Lecun


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated"])
def test_the_deviation_is_that_of_the_formula(distribution: str) -> None:
    W = Lecun(distribution).draw(np.random.default_rng(0), (400, 900), 400, 900)
    assert W.shape == (400, 900)
    assert abs(W.std() / (1 / 20) - 1) < 0.01
    assert abs(W.mean()) < 0.01 * (1 / 20)


def test_the_variance_is_kept_through_ten_linear_layers_of_any_width() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 300))
    for width in (500, 200, 400, 300, 500, 200, 400, 300, 500, 300):
        x = x @ Lecun().draw(rng, (x.shape[1], width), x.shape[1], width)
    assert abs(x.var() - 1) < 0.25
