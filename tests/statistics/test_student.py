from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.student import checked, deviation, deviations, interval, noncentral_cdf, two_sided_p, upper_p


def test_p_and_interval_agree_about_the_limit() -> None:
    rng = np.random.default_rng(0)
    difference, se, df, limit = rng.normal(size=500), rng.uniform(0.1, 0.6, 500), rng.uniform(1, 30, 500), 0.3
    low, high = interval(difference, se, df, 0.05)
    beyond = two_sided_p(difference, se, df, limit) < 0.05
    assert 20 < beyond.sum() < 480
    np.testing.assert_array_equal(beyond, (low > limit) | (high < -limit))
    np.testing.assert_allclose(two_sided_p(difference, se, df), 2 * stats.t.sf(np.abs(difference) / se, df), rtol=1e-9)


def test_a_spread_of_nothing_proves_nothing() -> None:
    assert np.isnan(two_sided_p(1.0, 0.0, 5))
    assert np.isnan(upper_p(1.0, 0.0, 5))
    assert np.isnan(interval(1.0, 0.0, 5, 0.05)).all()


def test_rounding_is_not_a_spread() -> None:
    d = np.array([0.3 - 0.2, 0.2 - 0.1, 0.4 - 0.3])
    assert d.std() > 0
    assert deviation(d, 0.4) == 0
    assert deviation(np.array([1.0, 1.0 + 1e-13])) > 0


@pytest.mark.parametrize("df", [1, 2, 5, 19, 200])
def test_noncentral_t(df: int) -> None:
    t, nc = np.array([-3.0, 0.0, 0.5, 2.0, 3.5, 12.0])[:, None], np.array([0.0, 0.5, 2.0, 5.0])
    np.testing.assert_allclose(noncentral_cdf(t, df, nc), stats.nct.cdf(t, df, nc), atol=1e-11)
    np.testing.assert_allclose(noncentral_cdf(t, df, 0.0), stats.t.cdf(t, df), atol=1e-11)


def test_expectations_over_a_standard_deviation() -> None:
    for df in (1, 2, 7, 500):
        s, weights = deviations(df)
        np.testing.assert_allclose([weights.sum(), weights @ s**2], 1, atol=1e-11)
        part, below = deviations(df, 0.9)
        assert part.max() < 0.9
        assert below.sum() == pytest.approx(stats.chi2.cdf(0.81 * df, df), abs=1e-11)


@pytest.mark.parametrize("values", [[], 3.0, [1.0, np.nan], [1.0, -np.inf]])
def test_what_cannot_be_judged_is_refused_with_a_sentence(values: object) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        checked(values, 1)
