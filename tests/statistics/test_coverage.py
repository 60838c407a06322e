"""Simulations: that every interval covers as often as its docstring says, and that verdicts are as seldom false.

At least 20,000 repetitions each, with fixed seeds: the standard error of a share of 0.05 is then 0.0015.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit
from scipy.stats import norm

from dltricks.core.types import Array
from dltricks.statistics.aggregate import aggregate, interquartile_mean
from dltricks.statistics.censored import time_to_target
from dltricks.statistics.decision import (
    BETTER,
    EQUIVALENT,
    EXPLORING,
    HOLM,
    WORSE,
    Adjustment,
    Decision,
    decide,
    dunnett_adjustment,
    t_evidence,
)
from dltricks.statistics.dunnett import dunnett_level
from dltricks.statistics.effect import hedges_g, improvement, paired_g
from dltricks.statistics.mean import mean_interval
from dltricks.statistics.paired import paired_t
from dltricks.statistics.power import equivalence_power, power
from dltricks.statistics.student import interval
from dltricks.statistics.welch import welch_t

REPETITIONS = 20_000
MANY = 100_000


def random(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((4, *key))))


def covered(low: Array, high: Array, truth: float) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize("n", [5, 6, 10, 20])
def test_t_intervals(n: int) -> None:
    rng = random(n)
    x, y, z = rng.standard_normal((3, MANY, n))
    mean, pairs = mean_interval(x), paired_t(x + 1, 0.8 * x + 0.6 * y)
    assert 0.947 <= covered(mean.low, mean.high, 0) <= 0.953
    assert 0.947 <= covered(pairs.low, pairs.high, 1) <= 0.953
    free = welch_t(y + 1, z)
    assert 0.949 <= covered(free.low, free.high, 1) <= 0.956
    for a, b in ((3 * y, z), (y, rng.standard_normal((MANY, 4 * n)))):
        other = welch_t(a + 1, b)
        assert 0.94 <= covered(other.low, other.high, 1) <= 0.955


@pytest.mark.parametrize(("na", "nb"), [(5, 5), (6, 6), (10, 20)])
def test_probability_of_improvement(na: int, nb: int) -> None:
    rng = random(na, nb)
    for spread, least, most in ((1, 0.94, 0.974), (3, 0.875, 0.955)):
        for shift in (0, 1, 2):
            unit = np.sqrt((1 + spread**2) / 2)
            a, b = (
                rng.standard_normal((REPETITIONS, na)) * spread + shift * unit,
                rng.standard_normal((REPETITIONS, nb)),
            )
            mine = improvement(a, b)
            assert least <= covered(mine.low, mine.high, ndtr(shift / np.sqrt(2))) <= most


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_standardized_differences(n: int, truth: float) -> None:
    """The interval is a rising function of t alone, so it is computed on a grid of t and looked up."""
    rng = random(n, int(truth))
    x, y = rng.standard_normal((2, MANY, n))
    base = np.arange(n) - (n - 1) / 2
    base = base / base.std(ddof=1)
    pairs, free = paired_t(x + truth, 0 * x), welch_t(x + truth, y)
    both = np.sqrt((free.sd[0] ** 2 + free.sd[1] ** 2) / 2)
    for seen, sd in ((pairs, pairs.sd), (free, both)):
        shift = seen.difference / sd
        grid = np.linspace(shift.min(), shift.max(), 500)[:, None]
        rows = np.tile(base, (500, 1))
        ends = paired_g(rows + grid, 0 * rows) if seen is pairs else hedges_g(rows + grid, rows)
        low, high = (np.interp(shift, grid[:, 0], end) for end in (ends.low, ends.high))
        assert 0.947 <= covered(low, high, truth) <= 0.953


@pytest.mark.parametrize(("n", "never", "coverage"), [(7, 0.4, 0.927), (10, 0.2, 0.945), (20, 0.0, 0.972)])
def test_median_time_to_target(n: int, never: float, coverage: float) -> None:
    rng = random(n)
    times = rng.exponential(1, (REPETITIONS, n))
    times[rng.random((REPETITIONS, n)) < never] = np.inf
    found = [time_to_target(row) for row in times]
    truth = -np.log(1 - 0.5 / (1 - never))
    assert np.mean([each.low <= truth <= each.high for each in found]) == pytest.approx(coverage, abs=0.006)


def test_interquartile_mean() -> None:
    rng = random(1)
    tasks, seeds = 2, 20
    shifts = np.array([0.0, 2.0])
    # Quantiles of the mixture at evenly spread probabilities, whose middle half has the interquartile mean.
    grid = (np.arange(200_000) + 0.5) / 200_000
    truth = interquartile_mean(np.concatenate([norm.ppf(grid) + shift for shift in shifts]))
    hits = 0
    for k in range(REPETITIONS):
        mine = aggregate(list(rng.standard_normal((tasks, seeds)) + shifts[:, None]), resamples=300, seed=k)
        hits += mine.low <= truth <= mine.high
    assert 0.925 <= hits / REPETITIONS <= 0.945


def simulate(
    n: int,
    effects: Array,
    *,
    paired: bool,
    margin: float | None = None,
    spread: float = 1.0,
    adjustment: Adjustment = HOLM,
) -> tuple[Array, Array, Array, Decision]:
    """Variants against one baseline, each with its true difference in sds of the runs."""
    rng = random(n, len(effects), paired)
    baseline = rng.standard_normal((REPETITIONS, 1, n))
    own = spread * rng.standard_normal((REPETITIONS, len(effects), n)) + effects[:, None]
    if paired:
        t = paired_t(own + baseline, np.broadcast_to(baseline, own.shape))
        found = t.difference, t.se, np.full_like(t.se, t.df)
    else:
        w = welch_t(own, baseline)
        found = w.difference, w.se, w.df
    return *found, decide(t_evidence(*found, margin), 0.05, adjustment)


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "welch"])
@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("m", [1, 2, 3, 5, 10])
def test_tricks_that_do_nothing_are_seldom_named(m: int, n: int, paired: bool) -> None:
    *_, mine = simulate(n, np.zeros(m), paired=paired)
    alarms = np.isin(mine.word, (BETTER, WORSE)).any(axis=-1).mean()
    assert 0.03 <= alarms <= 0.055


@pytest.mark.parametrize("m", [1, 10])
def test_exploring_alarms_over_whole_sweeps_without_effects(m: int) -> None:
    *_, mine = simulate(10, np.zeros(m), paired=True, adjustment=EXPLORING)
    assert np.isin(mine.word, (BETTER, WORSE)).any(axis=-1).mean() <= 0.055


@pytest.mark.parametrize("m", [1, 5])
@pytest.mark.parametrize("n", [6, 12])
def test_at_the_margin_itself(n: int, m: int) -> None:
    margin = 4 / np.sqrt(n)
    *_, mine = simulate(n, np.full(m, margin), paired=True, margin=margin)
    assert np.isin(mine.word, (BETTER, WORSE)).any(axis=-1).mean() <= 0.03
    assert 0.03 <= (mine.word == EQUIVALENT).any(axis=-1).mean() <= 0.055


@pytest.mark.parametrize(("m", "joint"), [(2, 0.93), (5, 0.905), (10, 0.89)])
def test_intervals_at_holms_levels(m: int, joint: float) -> None:
    effects = 8 / np.sqrt(20) * np.arange(m)
    difference, se, df, mine = simulate(20, effects, paired=False)
    low, high = interval(difference, se, df, mine.level)
    inside = (low <= effects) & (effects <= high)
    assert inside.all(axis=-1).mean() == pytest.approx(joint, abs=0.025)
    assert inside.mean(axis=0).min() >= 0.947
    assert (np.isin(mine.word, (BETTER, WORSE)) & (np.sign(effects) != mine.word)).any(axis=-1).mean() <= 0.055


@pytest.mark.parametrize(("m", "n"), [(1, 6), (3, 6), (10, 10)])
def test_dunnett(m: int, n: int) -> None:
    values = random(m, n).standard_normal((REPETITIONS, m + 1, n))
    df, loadings = (m + 1) * (n - 1), np.full(m, np.sqrt(0.5))
    se = np.sqrt(2 * values.var(axis=-1, ddof=1).mean(axis=-1) / n)[:, None]
    difference = values.mean(axis=-1)[:, 1:] - values.mean(axis=-1)[:, :1]
    critical = -stdtrit(df, dunnett_level(0.05, df, loadings) / 2)
    missed = (np.abs(difference) > critical * se).any(axis=-1)
    assert 0.945 <= 1 - missed.mean() <= 0.955
    some = decide(t_evidence(difference[:20], se[:20], df, None), 0.05, dunnett_adjustment(df, loadings))
    np.testing.assert_array_equal(np.isin(some.word, (BETTER, WORSE)).any(axis=-1), missed[:20])


@pytest.mark.parametrize("n", [6, 10, 20])
def test_power_is_that_of_theory(n: int) -> None:
    for effect in (0.5, 1.0, 1.5):
        *_, pairs = simulate(n, np.array([effect]), paired=True)
        assert (pairs.word == BETTER).mean() == pytest.approx(power(effect, n), abs=0.02)
        *_, free = simulate(n, np.array([effect]), paired=False)
        assert (free.word == BETTER).mean() == pytest.approx(power(effect, n, design="independent"), abs=0.02)
        *_, same = simulate(n, np.array([0.2]), paired=True, margin=effect)
        assert (same.word == EQUIVALENT).mean() == pytest.approx(equivalence_power(0.2, effect, n), abs=0.02)
