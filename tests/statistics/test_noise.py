from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.noise import false_alarms, spread
from dltricks.statistics.paired import paired_t
from dltricks.statistics.welch import welch_t

PAIRED = pytest.mark.parametrize("paired", [True, False], ids=["paired", "welch"])


def test_the_ends_are_the_deviations_that_would_be_seen_so_seldom() -> None:
    x = np.random.default_rng(0).normal(3, 2, 9)
    mine = spread(x, 0.9)
    assert (mine.n, mine.sd) == (9, pytest.approx(x.std(ddof=1)))
    for end, q in ((mine.low, 0.95), (mine.high, 0.05)):
        assert stats.chi2.cdf(8 * mine.sd**2 / end**2, 8) == pytest.approx(q, rel=1e-9)
    assert np.isnan([spread([1.0, 1.0]).low, spread([1.0, 1.0]).high]).all()
    with pytest.raises(UsageError):
        spread([1.0])


@pytest.mark.parametrize(
    ("draw", "sd", "coverage"),
    [
        (lambda rng, size: rng.standard_normal(size), 1.0, [0.95, 0.95]),
        (lambda rng, size: rng.random(size), 12**-0.5, [0.986, 0.996]),
        (lambda rng, size: rng.laplace(size=size), 2**0.5, [0.875, 0.817]),
        (lambda rng, size: rng.binomial(180, 0.97, size) / 180, (0.97 * 0.03 / 180) ** 0.5, [0.953, 0.943]),
    ],
    ids=["gaussian", "uniform", "laplace", "accuracies"],
)
def test_coverage_is_what_the_docstring_says(draw, sd: float, coverage: list[float]) -> None:
    rng = np.random.Generator(np.random.Philox(5))
    for n, expected in zip((5, 20), coverage, strict=True):
        mine = spread(draw(rng, (20_000, n)))
        assert ((mine.low <= sd) & (sd <= mine.high)).mean() == pytest.approx(expected, abs=0.006)


@PAIRED
def test_blocks_are_disjoint_and_judged_by_the_t_test(paired: bool) -> None:
    values = np.random.default_rng(1).normal(size=12 * 150 + 11)
    mine = false_alarms(values.tolist(), 6, paired=paired, larger_is_better=True)
    blocks = values[: 12 * 150].reshape(150, 2, 6)
    t = (paired_t if paired else welch_t)(blocks[:, 1], blocks[:, 0])
    assert mine.comparisons == 150
    assert mine.words["helps"] == (t.p < 0.05)[t.difference > 0].sum() > 0
    assert mine.words["hurts"] == (t.p < 0.05)[t.difference < 0].sum() > 0
    assert sum(mine.words.values()) == 150
    assert mine.share == mine.winners / 150
    assert (mine.low, mine.high) == pytest.approx(stats.binomtest(mine.winners, 150).proportion_ci(method="wilson"))
    flipped = false_alarms(values.tolist(), 6, paired=paired, larger_is_better=False)
    assert (flipped.words["helps"], flipped.words["hurts"]) == (mine.words["hurts"], mine.words["helps"])


@PAIRED
def test_a_real_difference_between_blocks_would_be_seen(paired: bool) -> None:
    values = np.random.default_rng(2).normal(size=(20, 2, 6)) + np.array([[0], [5]])
    assert false_alarms(values.ravel().tolist(), 6, paired=paired, larger_is_better=True).words["helps"] == 20


def test_few_runs_make_few_comparisons_and_a_wide_interval() -> None:
    none = false_alarms([0.5] * 11, 6, paired=False, larger_is_better=True)
    assert (none.comparisons, none.winners, none.low, none.high) == (0, 0, 0, 1)
    assert math.isnan(none.share)
    one = false_alarms(list(np.linspace(0, 1, 20)), 6, paired=False, larger_is_better=True)
    assert (one.comparisons, one.words["helps"]) == (1, 1)
    assert one.low < 0.25
    with pytest.raises(UsageError, match="6 or more"):
        false_alarms([0.1] * 40, 5, paired=True, larger_is_better=True)


@PAIRED
def test_divergence_and_the_margin_reach_the_verdict(paired: bool) -> None:
    values: list[float | None] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.1, None, 0.3, 0.41, 0.5, 0.6]
    assert false_alarms(values, 6, paired=paired, larger_is_better=True, margin=9.0).words["inconclusive"] == 1
    values[7] = 0.21
    assert false_alarms(values, 6, paired=paired, larger_is_better=True, margin=9.0).words["equivalent"] == 1
