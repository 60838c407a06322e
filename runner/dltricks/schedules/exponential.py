"""Exponential: the learning rate is multiplied by the same number after each epoch."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule, whole
from dltricks.core.types import Fraction


@dataclass
class Exponential(Schedule):
    """factor = rate^(whole epochs done)

    "Multiplying η by 0.98 after each epoch."

    Reference: Szegedy et al. 2016, section 8, https://arxiv.org/abs/1512.00567 (0.94 after every second epoch)
    Suggested: the end decides: rate^epochs is what remains, 0.67 for 0.98 and 20 epochs, 0.12 for 0.9.
    Does not help when the end is not known beforehand: too small a rate stops training before it is done.
    """

    rate: Fraction = 0.98
    """What remains of the learning rate after an epoch."""

    def course(self, progress: Progress) -> float:
        return float(self.rate ** whole(progress.epoch))
