"""Equivalence: that a difference is too small to matter has to be shown, like any other claim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics.paired import paired_t
from dltricks.statistics.student import interval, tail, upper_p
from dltricks.statistics.welch import welch_t


@dataclass(frozen=True)
class Equivalence:
    """p that the difference reaches the margin; below alpha exactly where the interval lies within the margin."""

    p: Array
    low: Array
    high: Array


def checked_margin(margin: float) -> float:
    """A margin above 0 and finite.

    Raises:
        UsageError: any other.
    """
    if not 0 < margin < np.inf:
        raise UsageError(f"a margin of {margin} is not possible; it is the smallest difference that matters, above 0.")
    return float(margin)


def tost(difference: ArrayLike, se: ArrayLike, df: ArrayLike, margin: float, confidence: float = 0.95) -> Equivalence:
    """Two one-sided t tests: p = max(P(T > (difference + margin) / se), P(T > (margin - difference) / se)), and the
    interval at confidence 1 - 2 alpha (90 % for 0.95) that goes with it.

    Falsely calls a difference of the margin or more equivalent with probability alpha at most (measured at the
    margin itself: 0.04 to 0.053 for n of 6, 10 and 20). A large p of a test for a difference is never a reason to
    call two variants equal.
    NaN where se is 0.
    Source: Schuirmann 1987, https://doi.org/10.1007/BF01068419

    Args:
        difference: of any shape.
        se: its standard error.
        df: degrees of freedom.
        margin: the smallest difference that matters, above 0.
        confidence: 1 - alpha of the claim.

    Raises:
        UsageError: an impossible margin or confidence.
    """
    p = tost_p(difference, se, df, checked_margin(margin))
    return Equivalence(p, *interval(difference, se, df, 2 * tail(confidence)))


def tost_p(difference: ArrayLike, se: ArrayLike, df: ArrayLike, margin: float) -> Array:
    """The p of ``tost``: that of the side that is nearer to its margin."""
    return upper_p(margin - np.abs(difference), se, df)


def paired_tost(a: ArrayLike, b: ArrayLike, margin: float, confidence: float = 0.95) -> Equivalence:
    """``tost`` of aligned values (..., n) that share their seeds; assumptions and errors as in ``paired_t``."""
    t = paired_t(a, b)
    return tost(t.difference, t.se, t.df, margin, confidence)


def welch_tost(a: ArrayLike, b: ArrayLike, margin: float, confidence: float = 0.95) -> Equivalence:
    """``tost`` of values (..., na) and (..., nb) that share no seeds; assumptions and errors as in ``welch_t``."""
    t = welch_t(a, b)
    return tost(t.difference, t.se, t.df, margin, confidence)
