from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.equivalence import paired_tost, tost, welch_tost


def test_both_one_sided_tests() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 12), rng.normal(0.1, 1, 12)
    mine = paired_tost(a, b, 0.9)
    sides = [
        stats.ttest_rel(a + 0.9, b, alternative="greater").pvalue,
        stats.ttest_rel(a - 0.9, b, alternative="less").pvalue,
    ]
    assert mine.p == pytest.approx(max(sides), rel=1e-9)
    its = stats.ttest_rel(a, b).confidence_interval(0.9)
    np.testing.assert_allclose([mine.low, mine.high], its, rtol=1e-9)
    free = welch_tost(a, b[:7], 0.9)
    sides = [
        stats.ttest_ind(a + 0.9, b[:7], equal_var=False, alternative="greater").pvalue,
        stats.ttest_ind(a - 0.9, b[:7], equal_var=False, alternative="less").pvalue,
    ]
    assert free.p == pytest.approx(max(sides), rel=1e-9)


def test_p_is_below_alpha_where_the_interval_lies_within() -> None:
    rng = np.random.default_rng(1)
    mine = tost(rng.normal(0, 0.5, 1000), rng.uniform(0.05, 0.5, 1000), 7, 0.6)
    within = (mine.low > -0.6) & (mine.high < 0.6)
    assert 50 < within.sum() < 950
    np.testing.assert_array_equal(mine.p < 0.05, within)


def test_little_data_is_not_equivalence() -> None:
    a, b = [0.90, 0.93, 0.88], [0.91, 0.90, 0.90]
    assert stats.ttest_rel(a, b).pvalue > 0.5
    assert paired_tost(a, b, 0.01).p > 0.2


@pytest.mark.parametrize("margin", [0, -0.1, np.inf, np.nan])
def test_refusals(margin: float) -> None:
    with pytest.raises(UsageError, match="margin"):
        tost(0.0, 1.0, 5, margin)
