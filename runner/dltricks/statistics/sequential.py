"""Looking at a study several times: when a verdict may be declared before all seeds are trained.

A study of at most N seeds declares beforehand after how many it will be looked at, n_1 < ... < n_K = N. Under no
difference, sqrt(n_k/N) times the standardised difference is a Brownian motion B seen at the times t_k = n_k/N. The rule
of O'Brien & Fleming decides where |B(t_k)| > C, with C such that the chance of ever deciding is alpha:

    P(|B(t_k)| > C at any k) = alpha            level_k = 2 (1 - Phi(C / sqrt(t_k)))

Early looks are strict, and the last is almost the test that looks once (0.046 in place of 0.05 for looks at 6, 10, 16,
24, 40). Since the spread is estimated too, the critical value is the t quantile at that level, not the normal one:

    repeated confidence interval = difference ± t(1 - level_k/2; degrees of freedom) · standard error

The intervals hold at all looks at once. So stopping is legitimate where one excludes zero (with a margin: lies beyond
it), and also where one lies within the margin (equivalent). Each of several arms gets alpha / arms whatever becomes of
the others, so that one may stop while others go on.

Where a run diverged its pair is missing, and B is seen at other times than declared. What was to be spent of alpha up
to look k stays as declared, and the level is solved for the pairs that are there (Lan & DeMets's spending of alpha,
with the number of the look as the calendar). A look at fewer than six pairs, or at no new one, is not taken; what it
had to spend waits for the next. Nothing is decided where no look was declared: a study of looks at 10 and 16 whose
budget ends at 13 seeds stands on its first 10.

Assumes independent seeds, roughly Gaussian differences, and pairs that are missing for reasons unrelated to the
difference that they would have shown. The t quantiles are an approximation. Measured false alarms of the whole study at
alpha = 5 % (40,000 to 1,000,000 repetitions, no difference):

    looks(8) ... looks(100), paired, Gaussian       5.0 to 5.3 %      every seed from 6 to 20: 5.5 %, to 12: 5.6 %
    the same with pairs missing                     5.0 to 5.2 %
    Welch, equal spreads / spreads of 1 and 3       4.9 / 5.1 %       looks at 6, 8, ..., 20: 5.1 / 5.4 %
    3 / 10 arms sharing one baseline                4.6 / 3.9 %       looks at 6, 8, ..., 20: 4.9 / 4.5 %
    looks(40), differences uniform / Laplace        5.3 / 4.8 %       one look at 40 seeds, uniform: 5.0 %
    looks(40), t with 3 df / a tenth 10 x as wide   4.5 / 2.8 %       one look at 40 seeds, t: 4.5 %
    looks(40), exponential / lognormal              8.9 / 15.7 %      one look at 40 seeds: 6.8 / 10.8 %
    looks(40), 30 to 85 % of all runs diverge       2.1 to 3.3 %
    looks(40) with normal quantiles: 6.8 %, looks(8): 11.5 %; looks(40) with the 5 % test at every look: 16 %

Power of looks(40) for a true difference of 0.45 / 0.6 / 0.8 standard deviations of the differences: 79 / 96 / 99.9 %,
with 35 / 30 / 24 seeds on average; one look at 40 seeds has the same to within a percentage point. A true difference as
large as the margin is called equivalent in 2.5 % and larger than the margin in 2.5 % of studies.

References: O'Brien & Fleming 1979, https://doi.org/10.2307/2530245; t quantiles at normal levels: Pocock 1977,
https://doi.org/10.1093/biomet/64.2.191; integration: Armitage, McPherson & Rowe 1969, https://doi.org/10.2307/2343787;
spending: Lan & DeMets 1989, https://doi.org/10.1002/sim.4780081003; tables and repeated confidence intervals: Jennison
& Turnbull 2000, Group Sequential Methods, chapters 2, 9 and 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics.judged import Word
from dltricks.statistics.paired import paired_t
from dltricks.statistics.proportion import fisher_p
from dltricks.statistics.student import deviation, interval
from dltricks.statistics.welch import welch_t

FEWEST = 6  # pairs: with five, exchanging the signs cannot give a p below 2/32
TINY = 1e-300  # a probability not worth spending: below it, the normal tail underflows


@dataclass(frozen=True)
class Look:
    """What one look at one arm says.

    Attributes:
        seeds: how many were declared for this look.
        n: complete pairs among them; of two samples that are not paired, the smaller.
        level: nominal two-sided level; 0 where the look cannot be taken.
        critical: value for |difference| / standard_error.
        difference: variant minus baseline, in units of the metric; NaN without any pair.
        standard_error: of the difference; NaN under two values, 0 where all differences are the same.
        interval: repeated confidence interval; NaN where the look cannot be taken or all differences are the same.
        decided: `helps`, `hurts` or `equivalent`, or None where more seeds are needed.
        outlook: rough probability that the last look decides, were the true difference and spread the ones seen now; it
            ends nothing, but a low one is worth telling. NaN where there is no estimate.
    """

    seeds: int
    n: int
    level: float
    critical: float
    difference: float
    standard_error: float
    interval: tuple[float, float]
    decided: Word | None
    outlook: float


def looks(max_seeds: int, first: int = FEWEST) -> tuple[int, ...]:
    """After how many seeds to look: about 1.6 times as many each time, the last time at `max_seeds`.

    looks(40) is (6, 10, 16, 24, 40). Even numbers between first and last, so that two workers stay busy.
    """
    if first < FEWEST:
        raise UsageError(f"the first look is at {first} seeds, but under {FEWEST} no winner can be declared")
    if max_seeds < first:
        raise UsageError(f"at most {max_seeds} seeds cannot decide anything: the first look is at {first}")
    steps = round(math.log(max_seeds / first) / math.log(1.6))
    between = [2 * round(first * (max_seeds / first) ** (step / steps) / 2) for step in range(1, steps)]
    return (first, *between, max_seeds) if steps else (max_seeds,)


class Walk:
    """A Brownian motion from 0 that has stayed within the bounds of every look so far, by recursive integration.

    Its density is even: only the half above zero is kept, at the nodes of a Gauss-Legendre quadrature.

    Args:
        times: of all the looks; the narrowest step between them sets how many nodes are needed.
        bound: about the size of the bounds.
    """

    def __init__(self, times: Sequence[float], bound: float) -> None:
        narrowest = math.sqrt(min(np.diff(times, prepend=0.0)))
        self.unit, self.weights = np.polynomial.legendre.leggauss(32 + math.ceil(4 * bound / narrowest))
        self.time = 0.0
        self.x: Array = np.zeros(1)
        self.mass: Array = np.ones(1)

    def beyond(self, time: float, bound: float) -> float:
        """The probability to have stayed within all bounds before `time` and to be beyond ±bound at it."""
        step = math.sqrt(time - self.time)
        return float(self.mass @ (ndtr((self.x - bound) / step) + ndtr((-self.x - bound) / step)))

    def stay(self, time: float, bound: float) -> None:
        """Go on to `time`, keeping the paths that are within ±bound there."""
        step = math.sqrt(time - self.time)
        y = bound * (self.unit + 1) / 2
        apart, across = (y[:, None] - self.x) / step, (y[:, None] + self.x) / step
        density = (np.exp(-apart * apart / 2) + np.exp(-across * across / 2)) @ self.mass
        self.mass = density * self.weights * bound / (2 * step * math.sqrt(2 * math.pi))
        self.x, self.time = y, time


@lru_cache(maxsize=64)
def plan(declared: tuple[int, ...], alpha: float, arms: int) -> tuple[float, tuple[float, ...]]:
    """The constant C of the O'Brien-Fleming boundary, and what each look spends of alpha / arms.

    Raises:
        ValueError: for looks that do not increase or begin under six, and for alpha or arms out of range.
    """
    if not declared or declared[0] < FEWEST or any(b <= a for a, b in pairwise(declared)):
        raise ValueError(f"looks must increase from at least {FEWEST}, found {declared}")
    if not 0 < alpha < 1 or arms < 1:
        raise ValueError(f"alpha must be between 0 and 1 and arms at least 1, found {alpha} and {arms}")
    share = alpha / arms
    times = [n / declared[-1] for n in declared]

    def spending(bound: float) -> tuple[float, ...]:
        path, spent = Walk(times, bound), []
        for time in times:
            spent.append(path.beyond(time, bound))
            path.stay(time, bound)
        return tuple(spent)

    # C is that of one look at least, and at most that of K looks each at alpha / K.
    once, apart = -ndtri(share / 2), -ndtri(share / 2 / len(times))
    constant = _root(lambda c: sum(spending(c)) - share, 0.99 * once, 1.01 * apart)
    return constant, spending(constant)


def boundaries(declared: Sequence[int], alpha: float = 0.05, arms: int = 1) -> tuple[float, ...]:
    """The nominal two-sided level of each declared look, where no pair is missing."""
    constant, _ = plan(tuple(declared), alpha, arms)
    return tuple(float(2 * ndtr(-constant * math.sqrt(declared[-1] / n))) for n in declared)


def levels(declared: Sequence[int], pairs: Sequence[float], alpha: float = 0.05, arms: int = 1) -> tuple[float, ...]:
    """The nominal two-sided level of each look so far, given the complete pairs that were there; 0 where not taken.

    With all pairs there, these are `boundaries`. Only earlier looks and this one matter, never what comes later.
    """
    if list(pairs) == list(declared[: len(pairs)]):
        return boundaries(declared, alpha, arms)[: len(pairs)]
    constant, spending = plan(tuple(declared), alpha, arms)
    before = [max(pairs[:k], default=0) for k in range(len(pairs))]
    taken = [n >= FEWEST and n > last for n, last in zip(pairs, before, strict=True)]
    times = [n for n, take in zip(pairs, taken, strict=True) if take]
    path = Walk(times, constant * math.sqrt(declared[-1])) if times else None
    found, saved = [], 0.0
    for n, take, spend in zip(pairs, taken, spending, strict=False):
        saved += spend
        if path is None or not take or saved < TINY:
            found.append(0.0)
            continue
        bound = solve(path, n, saved)
        path.stay(n, bound)
        found.append(float(2 * ndtr(-bound / math.sqrt(n))))
        saved = 0.0
    return tuple(found)


def solve(path: Walk, time: float, spend: float) -> float:
    """The bound at `time` beyond which exactly `spend` of the paths are."""

    def excess(bound: float) -> float:
        return math.log(max(path.beyond(time, bound), TINY / 10)) - math.log(spend)

    return _root(excess, 0.0, 40 * math.sqrt(time))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function is 0 between two places at which its signs differ."""
    from scipy.optimize import brentq  # only here, for it takes longer to import than all else that training needs

    return float(brentq(function, low, high, xtol=1e-13))


def critical(level: ArrayLike, degrees: ArrayLike) -> Array:
    """The value that |t| exceeds with probability `level`; infinite at level 0, where stdtrit has the wrong sign."""
    return np.where(np.asarray(level) > 0, -stdtrit(degrees, np.asarray(level) / 2), np.inf)


def judge(low: ArrayLike, high: ArrayLike, margin: float, larger_is_better: bool) -> NDArray[np.str_]:
    """The word for each repeated interval, empty where it decides nothing, as for NaN.

    A margin of 0 leaves no room for `equivalent`.
    """
    low, high = np.asarray(low), np.asarray(high)
    above, below = ("helps", "hurts") if larger_is_better else ("hurts", "helps")
    within = (low > -margin) & (high < margin)
    return np.select([low > margin, high < -margin, within], [above, below, "equivalent"], "")


def decide(
    baseline: ArrayLike,
    variant: ArrayLike,
    declared: Sequence[int],
    k: int,
    *,
    alpha: float = 0.05,
    arms: int = 1,
    margin: float | None = None,
    larger_is_better: bool = True,
    matched: bool = True,
    diverged: tuple[int, int] = (0, 0),
) -> Look:
    """The verdict on one arm at look k.

    A variant of which more runs are missing than of the baseline never helps, one of which fewer are missing never
    hurts, and neither is equivalent. Pairs that all differ by the same amount have no t: they are judged where the
    exchange of their signs, 2/2^n, is rarer than the level, and not at all where no run differs from another. Where
    divergence leaves fewer than six pairs, Fisher's exact test of the divergence itself decides at the declared level.

    Args:
        baseline: the metric of each run, in the order of the planned seeds, at least declared[k] of them (those after
            are not looked at); NaN where a run diverged or failed.
        variant: likewise.
        declared: after how many seeds the study is looked at.
        k: index of the look.
        alpha: the chance of a false alarm in the whole study, over all looks and arms.
        arms: how many were compared with the baseline when the study was declared.
        margin: the smallest difference that matters; None for no such.
        larger_is_better: what an improvement of this metric is.
        matched: runs at the same place share their seed. Else two samples are compared by Welch's t, which sees the
            walk at the harmonic mean of their sizes.
        diverged: how many of the missing runs of the variant and of the baseline diverged; the others failed.

    Raises:
        ValueError: for a negative margin, a look that is not declared, or too few values.
    """
    margin = margin or 0.0
    if margin < 0:
        raise ValueError(f"the margin must not be negative, found {margin}")
    if not 0 <= k < len(declared):
        raise ValueError(f"look {k} is none of the {len(declared)} declared, counted from 0")
    x, y = np.asarray(baseline, float)[: declared[k]], np.asarray(variant, float)[: declared[k]]
    if not len(x) == len(y) == declared[k]:
        raise ValueError(f"the look is at {declared[k]} seeds, found {len(x)} and {len(y)} values")
    ours, theirs = np.isfinite(y), np.isfinite(x)
    lost = int(theirs.sum() - ours.sum())
    barred = {"helps", "equivalent"} if lost > 0 else {"hurts", "equivalent"} if lost < 0 else set()
    if matched:
        ours = theirs = ours & theirs
    sizes = [(int(theirs[:seeds].sum()), int(ours[:seeds].sum())) for seeds in declared[: k + 1]]
    pairs = [2 * a * b / (a + b) if min(a, b) >= FEWEST else 0.0 for a, b in sizes]
    # A look that adds no pair stands on the level of the look that saw the same ones.
    level = next((level for level in reversed(levels(declared, pairs, alpha, arms)) if level), 0.0)
    ended = ended_of(y, diverged[0]), ended_of(x, diverged[1])
    x, y, n = x[theirs], y[ours], min(sizes[-1])
    gone: Word | None = None
    if n < FEWEST and min(ended) >= FEWEST and fisher_p(diverged, ended) < boundaries(declared, alpha, arms)[k]:
        gone = "hurts" if diverged[0] * ended[1] > diverged[1] * ended[0] else "helps"
    if n < 2:
        centre, chance = float(y.mean() - x.mean()) if n else math.nan, 1.0 if gone else math.nan
        return Look(declared[k], n, 0.0, math.inf, centre, math.nan, (math.nan, math.nan), gone, chance)
    found = paired_t(y, x) if matched else welch_t(y, x)
    difference, error, degrees = float(found.difference), float(found.se), float(found.df)
    low, high = interval(difference, error, degrees, level) if level else (math.nan, math.nan)
    if error == 0 and matched and deviation(y) > 0 and 2.0 ** (1 - n) < level:
        word = str(judge(difference, difference, margin, larger_is_better))
    else:
        word = str(judge(low, high, margin, larger_is_better))
    decided = gone or (cast(Word, word) if word and word not in barred else None)
    outlook = 1.0 if decided else 0.0 if error > 0 else math.nan
    if error > 0 and not decided and k < len(declared) - 1:
        final = float(critical(boundaries(declared, alpha, arms)[-1], degrees + declared[-1] - declared[k]))
        chances = forecast(difference, error, declared[-1] / declared[k], final, margin, larger_is_better)
        outlook = sum(chance for word, chance in chances.items() if word not in barred)
    ends = float(low), float(high)
    return Look(declared[k], n, level, float(critical(level, degrees)), difference, error, ends, decided, outlook)


def ended_of(values: Array, diverged: int) -> int:
    """Runs that ended: with a value, or by diverging."""
    return int(np.isfinite(values).sum()) + diverged


def forecast(
    difference: float, error: float, growth: float, final: float, margin: float, larger_is_better: bool
) -> dict[str, float]:
    """How probable each word is at the last look, were the difference and spread seen now the true ones.

    Args:
        difference: seen now.
        error: its standard error.
        growth: how many times as many seeds the last look will have.
        final: the critical value there.
        margin: as declared.
        larger_is_better: as declared.
    """
    half = final * error / math.sqrt(growth)
    # The part seen stays; the rest, (growth - 1)/growth of all, has the mean `difference` and a variance like it.
    spread = error * math.sqrt(growth - 1) / growth
    above, below = ("helps", "hurts") if larger_is_better else ("hurts", "helps")
    room = max(margin - half, 0.0)
    return {
        above: float(ndtr((difference - half - margin) / spread)),
        below: float(ndtr((-difference - half - margin) / spread)),
        "equivalent": float(ndtr((room - difference) / spread) - ndtr((-room - difference) / spread)),
    }
