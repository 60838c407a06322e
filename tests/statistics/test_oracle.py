"""Every routine that statsmodels has as well, to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind, ttost_paired

from dltricks.statistics.censored import curve, time_to_target
from dltricks.statistics.equivalence import paired_tost, welch_tost
from dltricks.statistics.mean import mean_interval
from dltricks.statistics.multiplicity import benjamini_hochberg, holm
from dltricks.statistics.paired import paired_t
from dltricks.statistics.power import detectable, power, seeds_needed
from dltricks.statistics.proportion import wilson
from dltricks.statistics.welch import welch_t

pytestmark = pytest.mark.oracle

SAMPLES = [np.random.default_rng(k).normal((0.3, 0.0), (1, 1 + k), (5 + 3 * k, 2)).T for k in range(4)]
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize(("a", "b"), SAMPLES)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_intervals_and_tests(a: np.ndarray, b: np.ndarray, alpha: float) -> None:
    one, both = mean_interval(a, 1 - alpha), CompareMeans(DescrStatsW(a), DescrStatsW(b[:-2]))
    np.testing.assert_allclose((one.low, one.high), DescrStatsW(a).tconfint_mean(alpha), **CLOSE)
    pairs, free = paired_t(a, b, 1 - alpha), welch_t(a, b[:-2], 1 - alpha)
    difference = DescrStatsW(a - b)
    np.testing.assert_allclose((pairs.low, pairs.high), difference.tconfint_mean(alpha), **CLOSE)
    np.testing.assert_allclose((pairs.p, pairs.df), difference.ttest_mean(0)[1:], **CLOSE)
    np.testing.assert_allclose((free.low, free.high), both.tconfint_diff(alpha, usevar="unequal"), **CLOSE)
    np.testing.assert_allclose((free.p, free.df), both.ttest_ind(usevar="unequal")[1:], **CLOSE)


@pytest.mark.parametrize(("a", "b"), SAMPLES)
@pytest.mark.parametrize("margin", [0.2, 1.5])
def test_equivalence(a: np.ndarray, b: np.ndarray, margin: float) -> None:
    assert paired_tost(a, b, margin).p == pytest.approx(ttost_paired(a, b, -margin, margin)[0], rel=1e-9)
    free = ttost_ind(a, b[:-1], -margin, margin, usevar="unequal")[0]
    assert welch_tost(a, b[:-1], margin).p == pytest.approx(free, rel=1e-9)


@pytest.mark.parametrize("m", [1, 3, 20])
def test_many_p(m: int) -> None:
    p = np.random.default_rng(m).uniform(size=m) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], **CLOSE)
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], **CLOSE)


@pytest.mark.parametrize("n", [2, 5, 12, 30])
@pytest.mark.parametrize("effect", [0.1, 0.6, 1.2])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_power(n: int, effect: float, alpha: float) -> None:
    np.testing.assert_allclose(power(effect, n, alpha), TTestPower().power(effect, n, alpha), **CLOSE)
    free = power(effect, n, alpha, "independent")
    np.testing.assert_allclose(free, TTestIndPower().power(effect, n, alpha), **CLOSE)


@pytest.mark.parametrize("effect", [0.3, 0.8])
def test_planning(effect: float) -> None:
    for mine, its in (("paired", TTestPower()), ("independent", TTestIndPower())):
        n = its.solve_power(effect, power=0.8, alpha=0.05)
        assert seeds_needed(effect, 1.0, design=mine) == int(np.ceil(n))
    assert TTestPower().power(detectable(12, 1.0), 12, 0.05) == pytest.approx(0.8, rel=1e-9)


@pytest.mark.parametrize(("x", "n"), [(0, 6), (5, 6), (40, 100)])
def test_wilson(x: int, n: int) -> None:
    np.testing.assert_allclose(wilson(x, n), proportion_confint(x, n, method="wilson"), **CLOSE)


@pytest.mark.parametrize("seed", range(6))
def test_kaplan_meier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, known = rng.integers(1, 12, 15).astype(float), rng.random(15) < 0.8
    its = SurvfuncRight(times, known.astype(int))
    at, survival, low, high = curve(times, known, 0.05)
    np.testing.assert_allclose(at, its.surv_times)
    np.testing.assert_allclose(survival, its.surv_prob, **CLOSE)
    some = survival > 0
    spread = its.surv_prob_se[some] / np.abs(survival[some] * np.log(survival[some]))
    for mine, z in ((low, 1.959963984540054), (high, -1.959963984540054)):
        np.testing.assert_allclose(mine[some], survival[some] ** np.exp(z * spread), rtol=1e-9)
    mine = time_to_target(times, known)
    with np.errstate(divide="ignore", invalid="ignore"):  # of the last time, where nothing is left
        ends = its.quantile_ci(0.5, method="cloglog")
    assert (mine.low, mine.high) == tuple(np.inf if np.isnan(end) else end for end in ends)
    half = at[survival <= 0.5]
    assert time_to_target(times, known).median == (half[0] if len(half) else np.inf)
