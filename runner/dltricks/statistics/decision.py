"""The rule of every verdict, on numbers alone: one comparison of several variants, or thousands of them stacked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dltricks.core.types import Array
from dltricks.statistics.dunnett import dunnett_level, dunnett_p
from dltricks.statistics.equivalence import tost_p
from dltricks.statistics.multiplicity import benjamini_hochberg, benjamini_hochberg_levels, holm, holm_levels
from dltricks.statistics.student import two_sided_p

BETTER, WORSE, EQUIVALENT, UNDECIDED = 1, -1, 2, 0


@dataclass(frozen=True)
class Evidence:
    """What each variant's test says, (..., m): ``p`` that it equals the baseline, ``beyond_p`` that its difference
    is within the margin, ``within_p`` that its difference reaches the margin; ``sign`` of its gain. NaN: no test."""

    p: Array
    beyond_p: Array
    within_p: Array
    sign: Array


@dataclass(frozen=True)
class Adjustment:
    """How p values (..., m) are adjusted for being many, and at which alpha each interval then belongs to its p."""

    adjust: Callable[[Array], Array]
    levels: Callable[[Array, float], Array]
    adjust_within: Callable[[Array], Array]


HOLM = Adjustment(holm, holm_levels, holm)
EXPLORING = Adjustment(benjamini_hochberg, benjamini_hochberg_levels, benjamini_hochberg)


def dunnett_adjustment(df: int, loadings: Array) -> Adjustment:
    """Dunnett's, for variants whose spread is one; equivalence is adjusted by Holm."""
    return Adjustment(
        lambda p: dunnett_p(p, df, loadings),
        lambda p, alpha: np.full_like(p, dunnett_level(alpha, df, loadings)),
        holm,
    )


@dataclass(frozen=True)
class Decision:
    """Words as numbers, adjusted p values, and the alpha at which each variant's interval belongs to its word."""

    word: Array
    adjusted_p: Array
    adjusted_within_p: Array
    level: Array


def t_evidence(gain: ArrayLike, se: ArrayLike, df: ArrayLike, margin: float | None) -> Evidence:
    """Evidence of t tests, paired or Welch's: ``gain`` is positive where the variant is better.

    With a margin, ``beyond_p`` tests |gain| <= margin; without, it is p. ``within_p`` is that of two one-sided tests.
    All are NaN where se is 0 or NaN.
    """
    p, sign = np.atleast_1d(two_sided_p(gain, se, df)), np.atleast_1d(np.sign(gain))
    if margin is None:
        return Evidence(p, p.copy(), np.full_like(p, np.nan), sign)
    beyond = np.atleast_1d(two_sided_p(gain, se, df, margin))
    return Evidence(p, beyond, np.atleast_1d(tost_p(gain, se, df, margin)), sign)


def decide(evidence: Evidence, alpha: float, adjustment: Adjustment = HOLM) -> Decision:
    """The verdict on m variants (..., m) against one baseline.

    A variant is better or worse where the adjusted ``beyond_p`` is below alpha, which is where its interval at
    confidence 1 - level lies beyond the margin; and equivalent where the adjusted ``within_p`` is. The two claims
    exclude each other, and each is adjusted over all m variants. ``adjusted_p`` is that of ``p``, and never larger
    than the adjusted ``beyond_p``.

    Measured with Holm's adjustment, Gaussian values, alpha 0.05 and no real effect: some of 1 to 10 variants is called
    better or worse in 4.6 to 5.1 % of all comparisons if paired, in 3.3 to 4.8 % by Welch's test, n of 6, 10 and 20;
    if all variants spread three times as far as the baseline, Welch's reaches 5.9 % at n = 6 and 5.3 % at n = 10. At a
    difference of exactly the margin: better or worse in 2.4 % at most, equivalent in 5 %. Dunnett's: 4.8 to 5.3 %.
    """
    beyond = adjustment.adjust(evidence.beyond_p)
    within = adjustment.adjust_within(evidence.within_p)
    word = np.where(within < alpha, EQUIVALENT, UNDECIDED)
    word = np.where(beyond < alpha, np.where(evidence.sign > 0, BETTER, WORSE), word)
    level = adjustment.levels(evidence.beyond_p, alpha)
    return Decision(word, adjustment.adjust(evidence.p), within, level)
