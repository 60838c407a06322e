from __future__ import annotations

import numpy as np
import pytest
from losses.bench import apply, batch

from dltricks.losses.huber import Huber
from dltricks.losses.mse import Mse


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_against_the_formula(delta: float) -> None:
    z, target = batch()
    e = z - target
    value, dz = apply(Huber(delta), z, target)
    pointwise = np.where(np.abs(e) <= delta, e**2 / 2, delta * (np.abs(e) - delta / 2))
    np.testing.assert_allclose(value, pointwise.mean(-1), rtol=1e-13)
    np.testing.assert_allclose(dz, np.clip(e, -delta, delta) / z.size, rtol=1e-13)


def test_small_errors_are_half_of_mse_and_large_ones_pull_no_harder() -> None:
    z, target = batch()
    np.testing.assert_allclose(apply(Huber(100.0), z, target)[0], apply(Mse(), z, target)[0] / 2, rtol=1e-13)
    far, farther = (apply(Huber(), np.full((1, 1), value), np.zeros((1, 1)))[1] for value in (10.0, 1e6))
    np.testing.assert_array_equal(far, farther)
