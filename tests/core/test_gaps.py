from __future__ import annotations

import numpy as np
import pytest

from dltricks.core.gaps import fill, means

NAN = np.nan


def test_means_are_of_the_numbers_there_are() -> None:
    found = means(np.array([[1.0, 5.0, NAN], [NAN, 7.0, NAN], [3.0, 9.0, NAN]]))
    np.testing.assert_array_equal(found, [2, 7, NAN])


@pytest.mark.parametrize(("high", "mean"), [(1.5e308, 1.5e308), (-1.5e308, 0.0)])
def test_means_of_numbers_whose_sum_overflows(high: float, mean: float) -> None:
    x = np.array([[1.5e308], [high], [NAN], [1.5e308], [high]])
    assert means(x) == pytest.approx(mean, rel=1e-12)


def test_only_gaps_are_filled() -> None:
    x = np.array([[[NAN, 1.0], [2.0, NAN]], [[NAN, NAN], [3.0, 4.0]]], np.float32)
    fill(x, np.array([[[5.0, 6.0]], [[7.0, 8.0]]], np.float32))
    np.testing.assert_array_equal(x, [[[5, 1], [2, 6]], [[7, 8], [3, 4]]])
