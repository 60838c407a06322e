"""Student's t: what a difference, its standard error and its degrees of freedom say, alone or stacked in arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc, gammaln, ndtr, stdtr, stdtrit

from dltricks.core.errors import UsageError
from dltricks.core.types import Array

NODES = 200
"""Points of the quadrature over a standard deviation: errors stay below 1e-10 up to noncentralities of about 80."""


def checked(values: ArrayLike, least: int) -> Array:
    """``values`` as float64 of shape (..., n).

    Raises:
        UsageError: fewer than ``least`` values, or one that is not finite.
    """
    array = np.asarray(values, np.float64)
    if array.ndim == 0 or array.shape[-1] < least:
        found = 0 if array.ndim == 0 else array.shape[-1]
        raise UsageError(f"{found} values are too few; at least {least} are needed.")
    if not np.isfinite(array).all():
        raise UsageError("a value is not finite; leave out runs that diverged, and count them.")
    return array


def plain(values: Array) -> Array:
    """What stands for one sample as a number, not as an array without axes."""
    result: Array = values[()]
    return result


def tail(confidence: float) -> float:
    """The error probability alpha of a confidence.

    Raises:
        UsageError: a confidence outside 0.5 to 1.
    """
    if not 0.5 <= confidence < 1:
        raise UsageError(f"a confidence of {confidence} is not possible; it lies between 0.5 and 1, such as 0.95.")
    return 1 - confidence


def magnitude(values: Array) -> Array:
    """The power of two next to the largest magnitude along the last axis.

    Divided by it, values keep all their digits and may be squared: 1e-200 squared is 0, and 1e200 is infinite.
    """
    exponent = np.frexp(np.abs(values).max(axis=-1))[1] - 1
    return np.asarray(np.ldexp(1.0, exponent))


def deviation(values: Array, scale: ArrayLike | None = None) -> Array:
    """Standard deviation sqrt(sum (x - mean)^2 / (n - 1)) along the last axis.

    A spread that rounding alone explains (8 units in the last place of ``scale``, by default the largest magnitude)
    becomes exactly 0, so that equal differences such as 0.91 - 0.90 and 0.92 - 0.91 do not pass for a tiny spread.
    """
    unit = magnitude(values)
    sd = unit * (values / unit[..., None]).std(axis=-1, ddof=1)
    largest = np.abs(values).max(axis=-1) if scale is None else np.asarray(scale)
    return plain(np.where(sd <= 8 * np.finfo(np.float64).eps * largest, 0.0, sd))


def two_sided_p(difference: ArrayLike, se: ArrayLike, df: ArrayLike, limit: ArrayLike = 0.0) -> Array:
    """p of the hypothesis |true difference| <= limit: min(1, 2 P(T_df > (|difference| - limit) / se)).

    With limit 0 the usual two-sided t test. p < a exactly where the interval at confidence 1 - a lies beyond
    +-limit. NaN where se is 0: a spread of nothing proves nothing.
    """
    return plain(np.minimum(2 * upper_p(np.abs(difference) - np.asarray(limit), se, df), 1.0))


def upper_p(distance: ArrayLike, se: ArrayLike, df: ArrayLike) -> Array:
    """P(T_df > distance / se); NaN where se is 0."""
    se = np.asarray(se, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(se > 0, np.asarray(distance) / se, np.nan)
    return plain(stdtr(df, -t))


def interval(difference: ArrayLike, se: ArrayLike, df: ArrayLike, alpha: ArrayLike) -> tuple[Array, Array]:
    """difference -+ t_{1 - alpha/2, df} se: both ends; NaN where se is 0."""
    se = np.asarray(se, np.float64)
    half = np.where(se > 0, -stdtrit(df, np.asarray(alpha) / 2) * se, np.nan)
    return plain(difference - half), plain(difference + half)


@lru_cache(maxsize=4)
def legendre(nodes: int) -> tuple[Array, Array]:
    """Points and weights of the Gauss-Legendre sum over -1 to 1."""
    return np.polynomial.legendre.leggauss(nodes)


def deviations(df: ArrayLike, upper: ArrayLike = np.inf, nodes: int = NODES) -> tuple[Array, Array]:
    """Points s (..., nodes) and weights whose sum w f(s) is the expectation of f(s) over s = sqrt(chi2_df / df), for
    s < upper: Gauss-Legendre quadrature over all but 1e-14 of the distribution. ``df`` is 1 or more.
    """
    df = np.asarray(df, np.float64)[..., None]
    reach = 12 / np.sqrt(2 * df)
    low = np.maximum(0.0, 1 - reach)
    high = np.maximum(np.minimum(1 + reach, np.asarray(upper)[..., None]), low)
    points, weights = legendre(nodes)
    s = low + (high - low) * (points + 1) / 2
    log_density = np.log(2) + df / 2 * np.log(df / 2) - gammaln(df / 2) + (df - 1) * np.log(s) - df * s * s / 2
    return s, weights * (high - low) / 2 * np.exp(log_density)


def noncentral_cdf(t: ArrayLike, df: ArrayLike, noncentrality: ArrayLike) -> Array:
    """P(T <= t) of the noncentral t distribution: E[Phi(t s - noncentrality)] over s = sqrt(chi2_df / df).

    Computed here because scipy's nctdtr is off by 5e-5 in 1.14 and NaN in far tails in 1.17.
    Source: Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions 2, chapter 31.
    """
    t, df, noncentrality = np.broadcast_arrays(t, df, noncentrality)
    # From here on Phi is 0 or 1, however steep it is before.
    settled = (np.abs(noncentrality) + 8) / np.maximum(np.abs(t), 1e-300)
    s, weights = deviations(df, settled)
    below = np.vecdot(weights, ndtr(t[..., None] * s - noncentrality[..., None]))
    return plain(below + np.where(t > 0, gammaincc(df / 2, df / 2 * np.minimum(settled, 1e100) ** 2), 0.0))
