from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.paired import pair, paired_t


def test_test_and_interval_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(0.3, 1, 9)
    b = a + rng.normal(0.2, 0.5, 9)
    mine, its = paired_t(a, b, 0.9), stats.ttest_rel(a, b)
    np.testing.assert_allclose([mine.p, mine.df], [its.pvalue, its.df], rtol=1e-9)
    np.testing.assert_allclose([mine.low, mine.high], its.confidence_interval(0.9), rtol=1e-9)
    assert mine.correlation == pytest.approx(stats.pearsonr(a, b).statistic, rel=1e-9)


def test_the_luck_of_a_seed_cancels() -> None:
    rng = np.random.default_rng(1)
    luck, rest = rng.normal(0, 10, 8), rng.normal(0, 0.1, 8)
    assert paired_t(luck + rest + 0.5, luck).sd == pytest.approx(rest.std(ddof=1))


def test_pairs_are_found_by_seed_and_the_lonely_are_named() -> None:
    a = {0: 1.0, 2: 3.0, 1: 2.0, "x": 9.0, 5: math.nan}
    b = {1: 20.0, 2: 30.0, 0: 10.0, 7: 70.0, 5: 50.0}
    x, y, lonely = pair(a, b)
    np.testing.assert_array_equal(10 * x, y)
    assert len(x) == 3
    assert lonely == (5, 7, "x")


def test_equal_differences_claim_nothing() -> None:
    mine = paired_t([0.91, 0.92, 0.90], [0.90, 0.91, 0.89])
    assert mine.difference == pytest.approx(0.01)
    assert np.isnan([mine.p, mine.low, mine.high]).all()
    assert np.isnan(paired_t([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).correlation)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="3 values cannot be paired with 2"):
        paired_t([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(UsageError, match="too few"):
        paired_t([1.0], [2.0])
