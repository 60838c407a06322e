from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.dropouts.gaussian import Gaussian, quantiles


def test_the_table_is_a_standard_normal() -> None:
    table = quantiles()
    assert table.shape == (65536,)
    assert table.mean() == 0
    assert abs(np.square(table).mean() - 1) < 1e-12
    assert (np.diff(table) > 0).all()
    # Kurtosis of the normal, less what lies beyond the outermost values
    assert abs((table**4).mean() - 3) < 0.01
    np.testing.assert_allclose(table[[65536 * 84134 // 100000]], 1, atol=1e-3)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_mean_and_deviation_are_those_of_dropout(rate: float) -> None:
    bench = Bench(Gaussian(rate), shape=(12,))
    y, dx, _ = bench.step(np.ones((1, 20000, 12)), np.ones((1, 20000, 12)))
    deviation = np.sqrt(rate / (1 - rate))
    assert abs(y.mean() - 1) < 4 * deviation / np.sqrt(y.size)
    assert abs(y.std() / deviation - 1) < 0.01
    np.testing.assert_array_equal(dx, y)


def test_a_rate_of_zero_changes_no_bit() -> None:
    x = inputs(1, 50, (12,), "float32")
    y, dx, _ = Bench(Gaussian(0.0), shape=(12,), dtype="float32").step(x, x)
    assert y.tobytes() == dx.tobytes() == x.tobytes()


def test_evaluation_hands_on_the_very_array() -> None:
    bench = Bench(Gaussian(), shape=(12,))
    bench.context.training = False
    x = inputs(1, 5, (12,))
    assert bench.forward(x) is x
