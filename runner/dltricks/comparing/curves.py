"""Learning curves of runs that differ only in seed: their mean with its interval, and when each reaches a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dltricks.comparing.design import Variant
from dltricks.core.types import Array
from dltricks.runs.entry import Entry
from dltricks.runs.reading import ENDED
from dltricks.statistics.censored import TimeToTarget, time_to_target
from dltricks.statistics.student import interval, tail

BEFORE_END = ("running", "interrupted")


@dataclass(frozen=True)
class Curve:
    """The mean over the runs that finished, for each epoch; all float64 (epochs,)."""

    mean: Array = field(repr=False)
    low: Array = field(repr=False)
    """Of the t interval of the mean, NaN where fewer than two runs, or runs without any spread or of one beyond
    float64, are left."""
    high: Array = field(repr=False)
    runs: Array = field(repr=False)
    """How many reached the epoch: from where the first one stopped early, the mean is that of the others."""


def mean_curve(variant: Variant, metric: str, confidence: float) -> Curve | None:
    """The curve of a variant; None where no finished run has this metric epoch by epoch.

    A value that is not finite is left out of its epoch.
    """
    curves = [curve for sample in variant.finished if (curve := sample.entry.curve(metric)) is not None and len(curve)]
    if not curves:
        return None
    table = _table(curves)
    table[~np.isfinite(table)] = np.nan
    runs = (~np.isnan(table)).sum(axis=0)
    some = np.maximum(runs, 1)
    mean = np.where(runs > 0, np.nansum(table, axis=0) / some, np.nan)
    with np.errstate(over="ignore"):
        spread = np.nansum((table - mean) ** 2, axis=0) / np.maximum(runs - 1, 1)
    se = np.where((runs > 1) & np.isfinite(spread), np.sqrt(spread / some), np.nan)
    low, high = interval(mean, se, np.maximum(runs - 1, 1), tail(confidence))
    return Curve(mean, np.asarray(low), np.asarray(high), runs)


def epochs_to(
    variant: Variant, metric: str, target: float, larger_is_better: bool, confidence: float
) -> TimeToTarget | None:
    """In epochs; None where no run has a curve.

    A run that ended below the target never reaches it. One that is still to be trained on is watched as far as it is.
    """
    watched = [sample.entry for sample in variant.samples if sample.entry.status in (*ENDED, *BEFORE_END)]
    found = [(entry.status in BEFORE_END, curve) for entry in watched if (curve := entry.curve(metric)) is not None]
    if not found:
        return None
    unfinished = np.array([before_end for before_end, _ in found])
    curves = [curve for _, curve in found]
    table = _table(curves)
    with np.errstate(invalid="ignore"):
        there = table >= target if larger_is_better else table <= target
    reached = there.any(axis=1)
    never = np.where(unfinished, [len(curve) for curve in curves], np.inf)
    first = np.argmax(there, axis=1) + 1.0 if table.shape[1] else never
    times = np.where(reached, first, never)
    return time_to_target(times, reached | ~unfinished, confidence)


def _table(curves: Sequence[Array]) -> Array:
    """float64 (curves, epochs); NaN where a curve has ended before the longest."""
    longest = max(map(len, curves))
    if all(len(curve) == longest for curve in curves):
        return np.concatenate(curves).reshape(len(curves), longest)
    table = np.full((len(curves), longest), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    return table


def seconds(entries: Sequence[Entry]) -> float | None:
    """The mean time that one of these runs trained; None where no folder says it.

    Epochs of which the time was lost count as the others of the run. Runs that share a stack share its time.
    """
    found = [math.fsum(each) / len(each) * entry.epochs for entry in entries if len(each := entry.seconds.tolist())]
    return float(np.mean(found)) if found else None
