from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.dunnett import blocks, dunnett_level, dunnett_p, pooled

EQUAL = np.sqrt(0.5)


@pytest.mark.parametrize(
    ("df", "published"),
    [(5, [2.57, 3.03, 3.29, 3.48, 3.62]), (10, [2.23, 2.57, 2.76, 2.89, 2.99]), (20, [2.09, 2.38, 2.54, 2.65, 2.73])],
)
def test_critical_values_are_dunnetts_table(df: int, published: list[float]) -> None:
    for m, value in enumerate(published, 1):
        level = dunnett_level(0.05, df, np.full(m, EQUAL))
        assert stats.t.isf(level / 2, df) == pytest.approx(value, abs=0.0051)
        assert dunnett_p(level, df, np.full(m, EQUAL)) == pytest.approx(0.05, abs=1e-9)


def test_unequal_groups_against_scipy() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.normal(0, 1, 9)
    variants = [rng.normal(shift, 1, n) for shift, n in ((0.3, 5), (1.2, 12), (-0.8, 7))]
    mine = pooled(baseline, variants)
    t = mine.difference / mine.se
    its = stats.dunnett(*variants, control=baseline, random_state=np.random.default_rng(0))
    np.testing.assert_allclose(t, its.statistic, rtol=1e-9)
    p = dunnett_p(2 * stats.t.sf(np.abs(t), mine.df), mine.df, mine.loadings)
    np.testing.assert_allclose(p, its.pvalue, atol=1e-3)
    half = stats.t.isf(dunnett_level(0.05, mine.df, mine.loadings) / 2, mine.df) * mine.se
    np.testing.assert_allclose(mine.difference - half, its.confidence_interval(0.95).low, atol=5e-3)


def test_one_variant_needs_no_adjustment() -> None:
    p = np.array([0.001, 0.05, 0.7, np.nan])
    np.testing.assert_allclose(dunnett_p(p, 8, [EQUAL]), [0.001, 0.05, 0.7, 1], atol=1e-9)


def test_two_variants_with_infinite_df_are_a_bivariate_normal() -> None:
    inside = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([2, 2], lower_limit=[-2, -2])
    p = dunnett_p(2 * stats.t.sf(2, 10**6), 10**6, [EQUAL, EQUAL])
    assert p == pytest.approx(1 - inside, abs=2e-6)


def test_seeds_as_blocks_are_the_two_way_analysis() -> None:
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 5, 6)
    table = luck + rng.normal(0, 1, (4, 6))
    mine = blocks(table[0], table[1:])
    design = np.zeros((24, 9))
    for at, (i, j) in enumerate(np.ndindex(4, 6)):
        design[at, j] = 1
        if i:
            design[at, 5 + i] = 1
    fit, rest, *_ = np.linalg.lstsq(design, table.ravel(), rcond=None)
    np.testing.assert_allclose(mine.difference, fit[6:], rtol=1e-9)
    assert mine.df == 15
    np.testing.assert_allclose(mine.se, np.sqrt(rest[0] / 15 * 2 / 6), rtol=1e-9)
    assert blocks(luck, luck + np.array([[1, 2, 1, 2, 1, 2]])).se[0] == pytest.approx(0.5477226 / np.sqrt(6))


def test_refusals() -> None:
    with pytest.raises(UsageError):
        pooled([1.0], [np.array([2.0])])
    with pytest.raises(UsageError):
        blocks([1.0, 2.0], [[1.0, 2.0, 3.0]])
