"""Planning: what so many seeds can show, and how many seeds it takes to show something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtrit

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics.student import deviations, noncentral_cdf, plain

Design = Literal["paired", "independent"]
MOST = 100_000
"""More seeds than this are as good as never."""
WINDOW = 8


def power(effect: ArrayLike, n: ArrayLike, alpha: ArrayLike = 0.05, design: Design = "paired") -> Array:
    """Probability that the two-sided t test finds a difference: P(|T| > t_{1 - alpha/2}) of the noncentral t.

    Paired (or one sample): ``effect`` is the difference divided by the sd of the paired differences, df = n - 1,
    noncentrality effect sqrt(n). Independent: divided by the sd of the runs, n runs of each, df = 2 (n - 1),
    noncentrality effect sqrt(n / 2). Assumes Gaussian values and, if independent, equal spreads.
    Source: Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2.

    Args:
        effect: standardized difference, of any shape.
        n: pairs, or runs of each variant; 2 or more.
        alpha: of the test.
        design: whether seeds are shared.

    Raises:
        UsageError: fewer than two runs.
    """
    df, unit = _design(n, design)
    noncentrality = np.abs(effect) / unit
    critical = -stdtrit(df, np.asarray(alpha) / 2)
    either = [noncentral_cdf(side, df, noncentrality) for side in (critical, -critical)]
    return plain(1 - either[0] + either[1])


def equivalence_power(
    effect: ArrayLike, margin: ArrayLike, n: ArrayLike, alpha: ArrayLike = 0.05, design: Design = "paired"
) -> Array:
    """Probability that two one-sided tests find equivalence: that the mean lies within the margin by t_{1 - alpha}
    standard errors, E[max(0, Phi(u - c s) - Phi(c s - l))] over the estimated sd s; ``effect`` and ``margin`` in sds.

    Source: Phillips 1990, https://doi.org/10.1007/BF01063556 (as an expectation over s in place of Owen's Q)

    Args:
        effect: true standardized difference.
        margin: standardized, above 0.
        n: pairs, or runs of each variant; 2 or more.
        alpha: of the claim.
        design: whether seeds are shared.

    Raises:
        UsageError: fewer than two runs.
    """
    df, unit = _design(n, design)
    critical = -stdtrit(df, alpha)
    upper = ((np.asarray(margin) - effect) / unit)[..., None]
    lower = ((np.asarray(margin) + effect) / unit)[..., None]
    # Beyond this s the two tests cannot both reject.
    s, weights = deviations(df, np.maximum((upper + lower)[..., 0] / (2 * critical), 0.0))
    c = np.asarray(critical)[..., None]
    return plain(np.vecdot(weights, np.maximum(ndtr(upper - c * s) - ndtr(c * s - lower), 0.0)))


def seeds_needed(
    difference: float, sd: float, wanted: float = 0.8, alpha: float = 0.05, design: Design = "paired"
) -> int | None:
    """The fewest seeds (pairs, or runs of each variant) whose ``power`` for the difference is ``wanted`` or more.

    None where no affordable number does (more than 100,000), as for a difference of 0; 2 where the sd is 0.

    Args:
        difference: true difference in units of the metric.
        sd: of the paired differences, or of the runs if independent.
        wanted: power.
        alpha: of the test.
        design: whether seeds are shared.
    """
    effect = _standardized(difference, sd)
    if not effect:
        return None
    guess = _square(float(ndtri(1 - alpha / 2) + ndtri(wanted)) / effect)
    return _fewest(lambda n: power(effect, n, alpha, design) >= wanted, guess, design)


def equivalence_seeds_needed(
    difference: float, margin: float, sd: float, wanted: float = 0.8, alpha: float = 0.05, design: Design = "paired"
) -> int | None:
    """The same for ``equivalence_power``; None where the difference reaches the margin.

    Args:
        difference: true difference in units of the metric.
        margin: the smallest difference that matters.
        sd: of the paired differences, or of the runs if independent.
        wanted: power.
        alpha: of the claim.
        design: whether seeds are shared.
    """
    if abs(difference) >= margin:
        return None
    effect, limit = _standardized(difference, sd), _standardized(margin, sd)
    quantiles = float(ndtri(1 - alpha) + ndtri((1 + wanted) / 2 if effect == 0 else wanted))
    guess = _square(quantiles / (limit - effect)) if limit > effect else np.inf
    return _fewest(lambda n: equivalence_power(effect, limit, n, alpha, design) >= wanted, guess, design)


def detectable(n: int, sd: float, wanted: float = 0.8, alpha: float = 0.05, design: Design = "paired") -> float:
    """The smallest difference that n seeds find with power ``wanted``, in units of the metric.

    Args:
        n: pairs, or runs of each variant; 2 or more.
        sd: of the paired differences, or of the runs if independent.
        wanted: power, above alpha.
        alpha: of the test.
        design: whether seeds are shared.

    Raises:
        UsageError: fewer than two runs, or a power that nothing is needed for.
    """
    if not alpha < wanted < 1:
        raise UsageError(f"a power of {wanted} is not possible; it lies between {alpha} and 1.")
    low, high = 0.0, 1.0
    while power(high, n, alpha, design) < wanted:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, n, alpha, design) < wanted else (low, middle)
    return high * sd


def _design(n: ArrayLike, design: Design) -> tuple[Array, Array]:
    """Degrees of freedom, and the standard error in sds."""
    runs = np.asarray(n, np.float64)
    if (runs < 2).any():
        raise UsageError("power needs 2 or more runs.")
    return (runs - 1, 1 / np.sqrt(runs)) if design == "paired" else (2 * (runs - 1), np.sqrt(2 / runs))


def _standardized(difference: float, sd: float) -> float:
    """In sds; where the sd is nothing, more sds than any test needs."""
    return abs(difference) / sd if abs(difference) < 1e3 * sd else 1e3 * (difference != 0)


def _square(value: float) -> float:
    """Infinite where the square is: a margin may be as small as anyone likes."""
    return value * value


def _fewest(enough: Callable[[Array], Array], guess: float, design: Design) -> int | None:
    """The fewest n that are enough, looked for about the guess of a normal approximation, then by halving."""
    if guess > MOST:
        return None
    guess = guess * (1 if design == "paired" else 2)
    near = np.arange(max(2, int(guess) - WINDOW), int(guess) + WINDOW)
    found = enough(near)
    if found[-1] and (near[0] == 2 or not found[0]):
        return int(near[np.argmax(found)])
    low, high = 1, 2
    while not enough(np.array(high)):
        if high >= MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(np.array(middle)) else (middle, high)
    return high
