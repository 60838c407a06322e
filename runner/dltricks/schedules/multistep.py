"""Multistep: the learning rate drops at chosen epochs."""

from __future__ import annotations

from dataclasses import dataclass, field

from dltricks.core.schedule import Progress, Schedule, whole
from dltricks.core.types import Fraction, Positive


@dataclass
class Multistep(Schedule):
    """factor = rate^(number of milestones reached)

    Reference: He et al. 2015, section 4.2, https://arxiv.org/abs/1512.03385 (CIFAR-10: a tenth at 50 % and at
    75 %)
    Suggested: milestones at half and at three quarters of the epochs, rate 0.1.
    Does not help when the epochs change and the milestones do not: they count epochs, not shares.
    """

    milestones: list[Positive] = field(default_factory=lambda: [10.0, 15.0])
    """Epochs after which the learning rate drops, counted from the end of the warm-up."""
    rate: Fraction = 0.1
    """What remains of the learning rate after a drop."""

    def course(self, progress: Progress) -> float:
        reached = sum(whole(progress.epoch / milestone) > 0 for milestone in self.milestones)
        return float(self.rate**reached)
