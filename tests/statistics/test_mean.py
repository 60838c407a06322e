from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.mean import mean_interval


def test_interval_is_that_of_scipy() -> None:
    x = np.random.default_rng(0).normal(3, 2, 7)
    mine, its = mean_interval(x, 0.9), stats.ttest_1samp(x, 0).confidence_interval(0.9)
    np.testing.assert_allclose([mine.low, mine.high], its, rtol=1e-9)
    assert (mine.n, mine.mean, mine.sd) == (7, x.mean(), x.std(ddof=1))


def test_stacked_samples_are_those_alone() -> None:
    x = np.random.default_rng(1).normal(size=(4, 6))
    together = mean_interval(x)
    for k, row in enumerate(x):
        alone = mean_interval(row)
        assert (together.mean[k], together.low[k], together.high[k]) == (alone.mean, alone.low, alone.high)


def test_equal_values_have_no_interval() -> None:
    mine = mean_interval([0.9, 0.9, 0.9])
    assert mine.sd == 0
    assert np.isnan([mine.low, mine.high]).all()


@pytest.mark.parametrize(("values", "confidence"), [([1.0], 0.95), ([], 0.95), ([1.0, 2.0], 1.0), ([1.0, 2.0], 95)])
def test_refusals(values: list[float], confidence: float) -> None:
    with pytest.raises(UsageError):
        mean_interval(values, confidence)
