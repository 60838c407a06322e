"""Many variants against one baseline: p values and intervals that stay honest when the best of many is picked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dltricks.core.types import Array


def holm(p: ArrayLike) -> Array:
    """Holm's adjusted p: the k-th smallest of m is multiplied by m - k + 1, then made no smaller than those before.

    Rejecting where it is below alpha names any true hypothesis with probability alpha at most, whatever the tests'
    dependence. A p that is NaN counts as 1: a variant that was planned and could not be tested still counts.
    Source: Holm 1979, https://www.jstor.org/stable/4615733

    Args:
        p: (..., m), one for each variant.
    """
    ordered, order = _ordered(p)
    m = ordered.shape[-1]
    adjusted = np.minimum(np.maximum.accumulate(ordered * np.arange(m, 0, -1), axis=-1), 1.0)
    return _restored(adjusted, order)


def holm_levels(p: ArrayLike, alpha: float) -> Array:
    """The alpha at which Holm's procedure tested each of m variants: alpha / (m - k + 1) for the k-th smallest p as
    long as it rejects, and for all others that of the first that it does not reject.

    An interval at confidence 1 - level therefore excludes what is tested exactly where the adjusted p is below
    alpha. Each level is alpha at most, so that each interval covers its own difference at least as often as stated.
    All of them together cover less often where many variants differ (measured, Gaussian pairs: 0.93 for 2 variants,
    0.905 for 5, 0.89 for 10, where all differ clearly; 0.95 and more where none does); for intervals that hold all at
    once take alpha / m for each (Bonferroni), or Dunnett's.

    Args:
        p: (..., m), one for each variant.
        alpha: of the family.
    """
    ordered, order = _ordered(p)
    m = ordered.shape[-1]
    levels = alpha / np.arange(m, 0, -1)
    rejected = np.logical_and.accumulate(ordered * np.arange(m, 0, -1) < alpha, axis=-1)
    first = np.minimum(rejected.sum(axis=-1, keepdims=True), m - 1)
    return _restored(np.where(rejected, levels, levels[first]), order)


def benjamini_hochberg(p: ArrayLike) -> Array:
    """Benjamini and Hochberg's adjusted p: the k-th smallest of m times m / k, made no larger than those after.

    Rejecting where it is below alpha keeps the expected share of false names among the named at alpha, for tests
    that are independent or positively dependent, as those against one baseline are. For exploring: with nothing
    real among many values it still names some in a share alpha of all sweeps. NaN counts as 1.
    Source: Benjamini & Hochberg 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Args:
        p: (..., m), one for each variant.
    """
    ordered, order = _ordered(p)
    m = ordered.shape[-1]
    scaled = ordered * m / np.arange(1, m + 1)
    return _restored(np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1], order)


def benjamini_hochberg_levels(p: ArrayLike, alpha: float) -> Array:
    """alpha max(R, 1) / m for all m variants, R the number of those named: intervals at confidence 1 - level exclude
    what is tested exactly where the adjusted p is below alpha, and of those of the named variants a share alpha is
    expected not to cover.

    Source: Benjamini & Yekutieli 2005, https://doi.org/10.1198/016214504000001907

    Args:
        p: (..., m), one for each variant.
        alpha: of the sweep.
    """
    named = (benjamini_hochberg(p) < alpha).sum(axis=-1, keepdims=True)
    m = np.shape(p)[-1]
    return np.broadcast_to(alpha * np.maximum(named, 1) / m, np.shape(p)).copy()


def _ordered(p: ArrayLike) -> tuple[Array, Array]:
    values = np.asarray(p, np.float64)
    values = np.where(np.isnan(values), 1.0, values)
    order = np.argsort(values, axis=-1, kind="stable")
    return np.take_along_axis(values, order, axis=-1), order


def _restored(ordered: Array, order: Array) -> Array:
    restored = np.empty_like(ordered)
    np.put_along_axis(restored, order, ordered, axis=-1)
    return restored
