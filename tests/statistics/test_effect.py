from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from dltricks.core.errors import UsageError
from dltricks.statistics.effect import hedges_g, improvement, paired_g, paired_improvement


def test_improvement_is_the_share_of_couples_won() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 3.0]), np.array([2.0, 2.0, 3.0])
    wins = sum((x > y) + 0.5 * (x == y) for x in a for y in b) / 12
    assert improvement(a, b).value == pytest.approx(wins)
    u = stats.mannwhitneyu(a, b).statistic
    assert improvement(a, b).value == pytest.approx(u / 12)
    assert improvement(b, a).value == pytest.approx(1 - wins)


def test_newcombes_interval_solves_its_equation() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.7, 1, 8), rng.normal(0, 1, 11)
    mine, m, n = improvement(a, b, 0.9), 8, 11
    middle = (m + n) / 2 - 1
    z = stats.norm.ppf(0.95)

    def off(q: float) -> float:
        # Hanley & McNeil's variance with exponential distributions, the two orders averaged over (m + n) / 2 - 1
        q1, q2 = q / (2 - q), 2 * q * q / (1 + q)
        variance = (q * (1 - q) + middle * (q1 - q * q) + middle * (q2 - q * q)) / (m * n)
        return float((mine.value - q) ** 2 - z * z * variance)

    assert mine.low == pytest.approx(brentq(off, 1e-9, mine.value), abs=1e-9)
    assert mine.high == pytest.approx(brentq(off, mine.value, 1 - 1e-9), abs=1e-9)


def test_complete_separation_is_no_certainty() -> None:
    mine = improvement(np.arange(6.0) + 10, np.arange(6.0))
    assert (mine.value, mine.high) == (1, 1)
    assert 0.5 < mine.low < 0.8
    none = improvement(np.arange(6.0), np.arange(6.0) + 10)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - mine.low)


def test_pairs_are_asked_one_by_one() -> None:
    a, b = np.array([2.0, 3.0, 9.0, 1.0]), np.array([1.0, 3.0, 8.0, 5.0])
    mine = paired_improvement(a, b)
    assert mine.value == (2 + 0.5) / 4
    assert 0 < mine.low < mine.value < mine.high < 1
    with pytest.raises(UsageError):
        paired_improvement(a, b[:3])


def test_hedges_g_and_its_noncentral_interval() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 2, 7), rng.normal(0, 2, 9)
    mine, df, unit = hedges_g(a, b), 14, np.sqrt(1 / 7 + 1 / 9)
    t = stats.ttest_ind(a, b).statistic
    assert mine.value == pytest.approx(t * unit * (1 - 3 / (4 * df - 1)), rel=1e-3)
    for end, q in ((mine.low, 0.975), (mine.high, 0.025)):
        assert stats.nct.cdf(t, df, end / unit) == pytest.approx(q, abs=1e-9)


def test_paired_g_counts_in_sds_of_the_difference() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(0, 5, 10)
    b = a - rng.normal(1, 1, 10)
    mine = paired_g(a, b)
    t = stats.ttest_rel(a, b).statistic
    for end, q in ((mine.low, 0.975), (mine.high, 0.025)):
        assert stats.nct.cdf(t, 9, end * np.sqrt(10)) == pytest.approx(q, abs=1e-9)
    assert np.isnan(paired_g([1.0, 2.0], [0.0, 1.0]).value)
