"""One cycle: the learning rate rises along half a wave, then falls along another to almost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Annotated

from annotated_types import Ge

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Fraction

Divisor = Annotated[float, Ge(1)]


@dataclass
class OneCycle(Schedule):
    """a = 1/div_factor          b = a/final_div_factor          x = epoch/epochs
    factor from a to 1 while x <= pct_start, then from 1 to b, each along half a cosine

    The optimizer's learning rate is the highest of the cycle.

    Reference: Smith & Topin 2018, https://arxiv.org/abs/1708.07120
    Suggested: a rate three to ten times as high as a constant one could be; ``lr-find`` shows it.
    Does not help when training may be stopped early: most of the gain comes in the last fifth.
    Deviation: PyTorch's OneCycleLR counts to the last step, and turns one step before pct_start; momentum
    stays as it is.
    """

    pct_start: Fraction = 0.3
    """The share of training in which the rate rises."""
    div_factor: Divisor = 25.0
    """How many times lower the first rate is than the highest."""
    final_div_factor: Divisor = 1e4
    """How many times lower the last rate is than the first."""

    def course(self, progress: Progress) -> float:
        first = 1 / self.div_factor
        last = first / self.final_div_factor
        x = progress.epoch / progress.epochs
        if x <= self.pct_start:
            return _half_wave(first, 1.0, x / self.pct_start)
        return _half_wave(1.0, last, (x - self.pct_start) / (1 - self.pct_start))


def _half_wave(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2
