"""Dunnett's procedure: several variants against one baseline where all spreads are declared to be equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics.student import checked, deviations, legendre, magnitude, plain

HALVINGS = 40
NODES = 64
REACH = 8.5
"""How far a standard normal number strays, but for 1e-16 of chance."""


@dataclass(frozen=True)
class Pooled:
    """Differences to the baseline (m,), their standard errors, the degrees of freedom of the one spread, and the
    loadings (m,): any two differences correlate by the product of theirs."""

    difference: Array
    se: Array
    df: int
    loadings: Array


def pooled(baseline: ArrayLike, variants: list[Array]) -> Pooled:
    """Runs that share no seeds: s^2 = sum of all squared deviations / (N - m - 1), se_i = s sqrt(1/n_i + 1/n_0).

    Args:
        baseline: (n_0,) values.
        variants: (n_i,) values of each.

    Raises:
        UsageError: no value of some variant, only one run of each, or a value that is not finite.
    """
    groups = [checked(values, 1) for values in (baseline, *variants)]
    df = sum(len(values) - 1 for values in groups)
    if df < 1:
        raise UsageError("one run of each variant says nothing about their spread; at least two of some are needed.")
    unit = float(magnitude(np.concatenate(groups)))
    sd = unit * np.sqrt(sum(float((((values - values.mean()) / unit) ** 2).sum()) for values in groups) / df)
    first, counts = len(groups[0]), np.array([len(values) for values in groups[1:]])
    difference = np.array([values.mean() - groups[0].mean() for values in groups[1:]])
    return Pooled(difference, sd * np.sqrt(1 / counts + 1 / first), df, np.sqrt(counts / (counts + first)))


def blocks(baseline: ArrayLike, variants: ArrayLike) -> Pooled:
    """Runs that share their seeds: seeds are blocks, and s^2 is what variant and seed leave unexplained:
    s^2 = sum (x_ij - mean_i - mean_j + mean)^2 / (m (n - 1)), se = s sqrt(2 / n).

    Assumes that all differences between variants have the same spread.

    Args:
        baseline: (n,) values.
        variants: (m, n) values, aligned with it.

    Raises:
        UsageError: fewer than two seeds, unequal lengths, or a value that is not finite.
    """
    first, others = checked(baseline, 2), checked(variants, 2)
    if others.shape[-1] != len(first):
        raise UsageError(f"{others.shape[-1]} values cannot be paired with {len(first)}.")
    table = np.vstack([first, others])
    m, n = others.shape
    unit = float(magnitude(table.ravel()))
    rest = (table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()) / unit
    se = unit * np.sqrt((rest**2).sum() / (m * (n - 1)) * 2 / n)
    return Pooled(others.mean(axis=1) - first.mean(), np.full(m, se), m * (n - 1), np.full(m, np.sqrt(0.5)))


def dunnett_p(p: ArrayLike, df: int, loadings: ArrayLike) -> Array:
    """Adjusted p of unadjusted two-sided ones: P(max_i |T_i| >= t), t = t_{1 - p/2, df}, where without an effect T_i =
    (sqrt(1 - l_i^2) e_i + l_i z) / s, with standard normal e_i and z and s = sqrt(chi2_df / df). The double integral
    over z and s is a Gauss-Legendre sum, so that the result is the same on every call.

    It takes one step, so its intervals (``dunnett_level``) hold all at once and agree with it. Assumes Gaussian
    values with equal spreads: an unequal one can raise false alarms well above alpha. NaN counts as 1.
    Source: Dunnett 1955, https://doi.org/10.1080/01621459.1955.10501294

    Args:
        p: of any shape.
        df: degrees of freedom of the pooled spread.
        loadings: (m,), sqrt(n_i / (n_i + n_0)) for runs that share no seeds.
    """
    given = np.asarray(p, np.float64)
    t = -stdtrit(df, np.where(np.isnan(given), 1.0, given) / 2)
    adjusted = [1 - _all_inside(each, df, loadings) if np.isfinite(each) else 0.0 for each in t.ravel()]
    return plain(np.clip(np.array(adjusted), 0.0, 1.0).reshape(t.shape))


def dunnett_level(alpha: float, df: int, loadings: ArrayLike) -> float:
    """The unadjusted p whose ``dunnett_p`` is alpha: t intervals at confidence 1 - level are the simultaneous ones.

    Measured coverage of all 95 % intervals together, Gaussian values with equal spreads: 0.947 to 0.952 for 1 to 10
    variants, n from 6.
    """
    # Between Bonferroni's and that of one variant.
    low, high = alpha / np.size(loadings), alpha
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if dunnett_p(middle, df, loadings) > alpha else (middle, high)
    return low


def _all_inside(t: float, df: int, loadings: ArrayLike) -> float:
    own = np.asarray(loadings, np.float64)[:, None, None]
    s, weights = deviations(df, nodes=NODES)
    points, z_weights = legendre(NODES)
    z = REACH * points[:, None]
    weight = weights * (REACH * z_weights[:, None] * np.exp(-z * z / 2) / np.sqrt(2 * np.pi))
    spread = np.sqrt(1 - own**2)
    inside = ndtr((own * z + t * s) / spread) - ndtr((own * z - t * s) / spread)
    return float((weight * inside.prod(axis=0)).sum())
