"""The learning-rate range test: training for a while at a rate that grows from step to step."""

from __future__ import annotations

from itertools import count

import numpy as np

from dltricks.core.types import Array
from dltricks.engine.loop import step
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Trainer

SMOOTHING = 0.9
BLOWN_UP = 4.0
"""Training ends where the smoothed loss is this many times its lowest value."""


def range_test(run: Trainer, low: float, high: float, steps: int) -> tuple[Array, Array]:
    """(rates, losses), float64, one value per step, geometrically spaced from low to high.

    Ends early with the step whose smoothed loss has blown up, or whose loss or gradient is not finite. ``run`` is used
    up by it.

    Reference: Smith 2017, https://arxiv.org/abs/1506.01186
    """
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    average, lowest = 0.0, np.inf
    with exact():
        for epoch in count():
            run.epoch, run.step = epoch, 0
            run.begin_epoch()
            for batch in run.batches():
                losses.append(float(step(run, batch, rates[len(losses)].reshape(1, 1)).mean()))
                done = len(losses)
                average = SMOOTHING * average + (1 - SMOOTHING) * losses[-1]
                smoothed = average / (1 - SMOOTHING**done)
                lowest = min(lowest, smoothed)
                if done == steps or not run.active or smoothed > BLOWN_UP * lowest:
                    return rates[:done], np.array(losses)
    raise AssertionError("unreachable")


def smooth(losses: Array) -> Array:
    """The exponential average of the losses, corrected for its start at zero."""
    average, result = 0.0, np.empty(len(losses))
    for i, loss in enumerate(losses):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        result[i] = average / (1 - SMOOTHING ** (i + 1))
    return result


def suggestion(rates: Array, losses: Array) -> float | None:
    """The rate at which the smoothed loss falls fastest per decade; None where it never falls.

    The first tenth of the curve, where the average has not settled, does not count.
    """
    curve = smooth(losses)
    finite = np.flatnonzero(np.isfinite(curve))
    if not len(finite):
        return None
    usable = slice(len(curve) // 10, int(finite[curve[finite].argmin()]) + 1)
    if len(curve[usable]) < 3:
        return None
    slope = np.gradient(curve[usable], np.log10(rates[usable]))
    return float(rates[usable][slope.argmin()]) if slope.min() < 0 else None
