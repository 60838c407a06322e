"""Cyclic: the learning rate goes up and down on straight lines, again and again."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Positive, Share


@dataclass
class Cyclic(Schedule):
    """x = epoch/period - floor(epoch/period)          factor = base + (1 - base) * (1 - |2x - 1|)

    The optimizer's learning rate is the highest of each cycle.

    Reference: Smith 2017, https://arxiv.org/abs/1506.01186 ("triangular")
    Suggested: base a quarter of the highest rate; a period of 4 to 20 epochs, ending with a whole one.
    Does not help when training ends amid a cycle, at a high rate.
    As everywhere here, the factor changes with every step.
    """

    base: Share = 0.25
    """The factor at the ends of a cycle."""
    period: Positive = 4.0
    """Epochs of a cycle."""

    def course(self, progress: Progress) -> float:
        x = progress.epoch / self.period % 1.0
        return self.base + (1 - self.base) * (1 - abs(2 * x - 1))
