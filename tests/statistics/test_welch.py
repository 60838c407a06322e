from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.welch import welch_t


@pytest.mark.parametrize(("na", "nb", "spread"), [(5, 5, 1.0), (4, 11, 3.0), (20, 2, 0.2)])
def test_test_and_interval_are_those_of_scipy(na: int, nb: int, spread: float) -> None:
    rng = np.random.default_rng(na)
    a, b = rng.normal(1, spread, na), rng.normal(0, 1, nb)
    mine, its = welch_t(a, b), stats.ttest_ind(a, b, equal_var=False)
    np.testing.assert_allclose([mine.p, mine.df], [its.pvalue, its.df], rtol=1e-9)
    np.testing.assert_allclose([mine.low, mine.high], its.confidence_interval(0.95), rtol=1e-9)


def test_scale_does_not_matter_however_small() -> None:
    a, b = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 6.0, 9.0])
    assert welch_t(a * 1e-120, b * 1e-120).p == pytest.approx(welch_t(a, b).p, rel=1e-12)


def test_one_side_may_be_constant_but_not_both() -> None:
    one = welch_t([1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 4.0])
    assert one.df == pytest.approx(2)
    assert 0 < one.p < 1
    both = welch_t([1.0, 1.0], [2.0, 2.0, 2.0])
    assert both.difference == -1
    assert np.isnan([both.p, both.low, both.high]).all()


def test_refusals() -> None:
    with pytest.raises(UsageError):
        welch_t([1.0], [2.0, 3.0])
