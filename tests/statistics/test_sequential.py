"""The sequential rule: its boundaries against tables and independent integration, and one arm at one look."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm, t

from dltricks.core.errors import UsageError
from dltricks.statistics.paired import paired_t
from dltricks.statistics.sequential import (
    boundaries,
    critical,
    decide,
    forecast,
    judge,
    levels,
    looks,
    plan,
)
from dltricks.statistics.student import interval
from dltricks.statistics.welch import welch_t

USUAL = (6, 10, 16, 24, 40)
EQUAL = (6, 12, 18, 24, 30)


# Looks


def test_looks_grow_by_about_the_same_factor_and_end_at_the_most():
    assert looks(40) == USUAL
    assert looks(6) == (6,)
    assert looks(7) == (7,)
    assert looks(10) == (6, 10)
    assert looks(50, first=10)[0] == 10
    for most in range(6, 700):
        declared = looks(most)
        assert declared[-1] == most
        assert declared[0] >= 6
        assert all(1.1 < b / a < 2.3 for a, b in itertools.pairwise(declared))


def test_too_few_seeds_are_refused():
    with pytest.raises(UsageError, match="at most 5 seeds"):
        looks(5)
    with pytest.raises(UsageError, match="first look is at 4"):
        looks(40, first=4)


# Boundaries


@pytest.mark.parametrize(
    ("alpha", "count", "constant"),
    [(0.05, 1, 1.960), (0.05, 2, 1.977), (0.05, 3, 2.004), (0.05, 4, 2.024), (0.05, 5, 2.040), (0.05, 10, 2.087)],
)
def test_constants_of_equal_looks_are_those_of_the_table(alpha, count, constant):
    """Jennison & Turnbull 2000, table 2.3."""
    declared = tuple(10 * (k + 1) for k in range(count))
    assert round(plan(declared, alpha, 1)[0], 3) == constant


def test_levels_of_five_equal_looks_are_those_of_the_published_boundary():
    bounds = -norm.ppf(np.array(boundaries(EQUAL)) / 2)
    np.testing.assert_allclose(bounds, [4.562, 3.226, 2.634, 2.281, 2.040], atol=6e-4)


@pytest.mark.parametrize(("declared", "alpha", "arms"), [((6, 40), 0.05, 1), ((6, 10, 16), 0.05, 1), (USUAL, 0.1, 3)])
def test_all_looks_together_spend_alpha(declared, alpha, arms):
    """By the multivariate normal distribution, which shares nothing with the recursive integration."""
    found = np.array(boundaries(declared, alpha, arms))
    n = np.array(declared, float)
    bound = -norm.ppf(found / 2)
    covariance = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    within = multivariate_normal(cov=covariance, abseps=1e-9, releps=1e-9, maxpts=2_000_000, seed=1).cdf(
        bound, lower_limit=-bound
    )
    assert 1 - within == pytest.approx(alpha / arms, rel=1e-4)
    np.testing.assert_allclose(bound * np.sqrt(n / n[-1]), bound[-1])  # O'Brien and Fleming's shape


def test_one_look_is_the_test_that_looks_once():
    assert boundaries((20,), 0.05) == pytest.approx((0.05,))
    assert boundaries((20,), 0.05, arms=5) == pytest.approx((0.01,))


@pytest.mark.parametrize("pairs", [(6, 9, 14, 22, 37), (3, 6, 8, 20, 21), (6, 7, 16, 17, 40), (6, 6, 6, 24, 24)])
def test_with_pairs_missing_the_looks_spend_what_they_were_to_spend(pairs):
    repeats = 300_000
    rng = np.random.default_rng(5)
    found = levels(USUAL, pairs, alpha=0.2)
    spending = plan(USUAL, 0.2, 1)[1]
    walks = np.cumsum(rng.standard_normal((repeats, pairs[-1]), np.float32), axis=1)
    inside = np.ones(repeats, bool)
    crossed = []
    for n, level in zip(pairs, found, strict=True):
        out = inside & (np.abs(walks[:, n - 1]) > -norm.ppf(level / 2) * math.sqrt(n))
        crossed.append(out.mean())
        inside &= ~out
    saved = 0.0
    for k, share in enumerate(crossed):
        taken = pairs[k] >= 6 and pairs[k] > max(pairs[:k], default=0)
        saved += spending[k]
        assert (found[k] > 0) == taken
        if taken:
            assert share == pytest.approx(saved, abs=4 * math.sqrt(saved / repeats) + 1e-12)
            saved = 0.0
        else:
            assert share == 0


def test_levels_look_only_backwards():
    whole = levels(USUAL, (6, 9, 14, 22, 37))
    for k in range(1, 6):
        assert levels(USUAL, (6, 9, 14, 22, 37)[:k]) == pytest.approx(whole[:k])
    assert levels(USUAL, USUAL) == boundaries(USUAL)
    # A hair's breadth from the plan, the path that solves for each level gives what the plan gives.
    np.testing.assert_allclose(levels(USUAL, (6 + 1e-9, 10, 16, 24, 40)), boundaries(USUAL), rtol=1e-7)


def test_looks_too_early_to_spend_anything_cannot_decide():
    assert boundaries((6, 4000))[0] == 0
    assert levels((6, 4000), (6, 3000))[0] == 0
    assert levels((6, 4000), (6, 3000))[1] == pytest.approx(0.05, rel=1e-3)


def test_critical_values_are_t_quantiles():
    assert critical(0.01, 9) == pytest.approx(t.isf(0.005, 9))
    assert critical(0.0, 9) == math.inf


@pytest.mark.parametrize(
    ("declared", "alpha", "arms"),
    [((), 0.05, 1), ((5, 10), 0.05, 1), ((6, 6), 0.05, 1), ((6, 10), 0.0, 1), ((6, 10), 1.0, 1), ((6, 10), 0.05, 0)],
)
def test_impossible_plans_are_refused(declared, alpha, arms):
    with pytest.raises(ValueError, match="must"):
        boundaries(declared, alpha, arms)


# One arm at one look


def test_decide_is_what_was_simulated():
    rng = np.random.default_rng(11)
    baseline, variant = rng.standard_normal((2, 60, 40)) + np.array([0, 1]).reshape(2, 1, 1)
    found = boundaries(USUAL, 0.05, 3)
    seen = set()
    for matched in (True, False):
        for k, n in enumerate(USUAL):
            a, b = baseline[:, :n], variant[:, :n]
            test = paired_t(b, a) if matched else welch_t(b, a)
            low, high = interval(test.difference, test.se, test.df, found[k])
            words = judge(low, high, 0.2, True)
            for row in range(60):
                look = decide(baseline[row], variant[row], USUAL, k, arms=3, margin=0.2, matched=matched)
                assert (look.seeds, look.n, look.level) == (n, n, found[k])
                assert look.decided == (words[row] or None)
                assert look.interval == pytest.approx((low[row], high[row]))
                assert look.critical * look.standard_error == pytest.approx((high[row] - low[row]) / 2)
                seen.add(look.decided)
    assert {"helps", None} <= seen


def values(effect, spread=0.1):
    """A baseline and a variant with differences of a known mean, forty seeds."""
    wave = np.sin(np.arange(40.0))
    return 0.9 + np.zeros(40), 0.9 + effect + spread * wave


def test_the_direction_of_the_metric_decides_what_helps():
    x, y = values(1.0)
    assert decide(x, y, USUAL, 2).decided == "helps"
    assert decide(x, y, USUAL, 2, larger_is_better=False).decided == "hurts"
    assert decide(y, x, USUAL, 2).decided == "hurts"


def test_a_margin_asks_for_more_and_allows_equivalence():
    x, y = values(1.0)
    assert decide(x, y, USUAL, 4, margin=0.5).decided == "helps"
    assert decide(x, y, USUAL, 4, margin=1.0).decided is None
    assert decide(x, y, USUAL, 4, margin=1.5).decided == "equivalent"
    assert decide(x, x, USUAL, 4, margin=0.0).decided is None


def test_later_seeds_are_not_looked_at():
    x, y = values(1.0)
    spoiled = y.copy()
    spoiled[10:] = -1e9
    assert decide(x, spoiled, USUAL, 1) == decide(x, y, USUAL, 1) == decide(x[:10], y[:10], USUAL, 1)


def test_missing_pairs_are_left_out_and_counted():
    x, y = values(1.0)
    x[3], y[5] = np.nan, np.inf
    look = decide(x, y, USUAL, 1)
    assert (look.seeds, look.n) == (10, 8)
    assert look.difference == pytest.approx(np.delete(y - x, [3, 5])[:8].mean())
    assert look.level == pytest.approx(levels(USUAL, (4, 8))[-1])
    early = decide(x, y, USUAL, 0)
    assert (early.n, early.level, early.critical, early.decided) == (4, 0.0, math.inf, None)
    assert np.isnan(early.interval).all()


def test_two_samples_of_unequal_size_are_seen_at_their_harmonic_mean():
    x, y = values(1.0)
    y[:3] = np.nan
    look = decide(x, y, USUAL, 2, matched=False)
    assert look.n == 13
    assert look.level == pytest.approx(levels(USUAL, (0, 2 / (1 / 10 + 1 / 7), 2 / (1 / 16 + 1 / 13)))[-1])


def test_a_look_without_a_new_pair_stands_on_the_one_before():
    x, y = values(1.0)
    x[10:16] = y[10:16] = np.nan
    before, after = decide(x, y, USUAL, 1), decide(x, y, USUAL, 2)
    assert (before.n, before.difference) == (after.n, after.difference) == (10, pytest.approx(1.0, abs=0.02))
    assert after.interval == pytest.approx(before.interval)


def test_who_diverges_more_often_does_not_win_and_is_not_equivalent():
    x, y = values(1.0)
    y[0] = np.nan
    for matched in (True, False):
        assert decide(x, y, USUAL, 4, matched=matched).decided is None
        assert decide(x, y, USUAL, 4, margin=2, matched=matched).decided is None
        assert decide(x, y, USUAL, 4, larger_is_better=False, matched=matched).decided == "hurts"
    for matched in (True, False):
        assert decide(y, x, USUAL, 4, matched=matched).decided is None
        assert decide(y, x, USUAL, 4, larger_is_better=False, matched=matched).decided == "helps"
    assert decide(x, y, USUAL, 1).outlook < 0.01
    x[1] = np.nan
    assert decide(x, y, USUAL, 4).decided == "helps"


@pytest.mark.parametrize("matched", [True, False])
def test_without_values_or_spread_nothing_is_decided(matched):
    nothing, x = np.full(40, np.nan), values(0.0)[0]
    one = nothing.copy()
    one[2] = 1.0
    look = decide(x, nothing, USUAL, 4, matched=matched)
    assert (look.n, look.decided) == (0, None)
    assert math.isnan(look.difference)
    look = decide(x, one, USUAL, 4, matched=matched)
    assert (look.n, look.decided) == (1, None)
    assert np.isnan(look.interval).all()
    assert look.difference == pytest.approx(0.1)
    look = decide(x, x + 0.1, USUAL, 4, margin=0.01, matched=matched)  # the seed changes nothing
    assert (look.standard_error, look.decided) == (0.0, None)
    assert np.isnan([*look.interval, look.outlook]).all()


def test_pairs_that_all_differ_by_the_same_amount_are_judged_by_their_signs():
    x = values(0.0)[1]
    found = [decide(x, x + 0.3, USUAL, k).decided for k in range(5)]
    # 2/2^6 and 2/2^10 are above the levels of the first two looks, 2/2^16 is below that of the third.
    assert found == [None, None, "helps", "helps", "helps"]
    assert decide(x, x + 0.3, USUAL, 4, margin=0.4).decided == "equivalent"
    assert decide(x, x, USUAL, 4).decided is None
    assert decide(x, x, USUAL, 4, margin=0.1).decided == "equivalent"
    assert np.isnan(decide(x, x + 0.3, USUAL, 4).interval).all()


def test_wrong_calls_are_refused():
    x, y = values(1.0)
    with pytest.raises(ValueError, match="at 40 seeds, found 40 and 39"):
        decide(x, y[:39], USUAL, 4)
    with pytest.raises(ValueError, match="look 5 is none of the 5"):
        decide(x, y, USUAL, 5)
    with pytest.raises(ValueError, match="found -1"):
        decide(x, y, USUAL, 0, margin=-1)


def test_the_outlook_is_how_often_the_rest_decides():
    """The seeds still to come drawn from what is seen; the spread at the end taken as known, which forecast does."""
    rng = np.random.default_rng(12)
    seen, final, margin = 16, 2.06, 0.4
    for difference in (0.0, 0.3, 0.8):
        rest = rng.standard_normal((20_000, 24)) + difference
        mean = (seen * difference + rest.sum(axis=1)) / 40
        half = final / math.sqrt(40)
        words = judge(mean - half, mean + half, margin, True)
        told = forecast(difference, 1 / math.sqrt(seen), 40 / seen, final, margin, True)
        for word, chance in told.items():
            assert (words == word).mean() == pytest.approx(chance, abs=0.012)


def test_the_outlook_tells_a_hopeless_study_from_a_hopeful_one():
    x, y = values(0.02)
    assert decide(x, y, USUAL, 3).outlook < 0.6
    assert decide(*values(0.0), USUAL, 3).outlook < 0.05
    assert decide(*values(0.06), USUAL, 1).outlook > 0.9
    assert decide(*values(0.0), USUAL, 4).outlook == 0
    assert decide(*values(1.0), USUAL, 4).outlook == 1


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_unit_of_the_metric_does_not_matter(scale, matched):
    x, y = values(1.0)
    for k in range(5):
        mine = decide(scale * x, scale * y, USUAL, k, margin=0.5 * scale, matched=matched)
        plain = decide(x, y, USUAL, k, margin=0.5, matched=matched)
        assert (mine.decided, mine.n, mine.level) == (plain.decided, plain.n, plain.level)
        np.testing.assert_allclose(mine.interval, np.array(plain.interval) * scale, rtol=1e-9)
        assert mine.outlook == pytest.approx(plain.outlook)
