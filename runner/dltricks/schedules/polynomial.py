"""Polynomial: the learning rate falls as a power of the time that is left."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Positive, Share


@dataclass
class Polynomial(Schedule):
    """factor = end + (1 - end) * (1 - epoch / epochs)^power

    Power 1 is linear; a higher one falls sooner.

    Reference: Chen et al. 2016, section 4.1, https://arxiv.org/abs/1606.00915 ("poly", power 0.9)
    Suggested: power 0.9 to 2.
    Does not help when training may be stopped early: the low rates of the end are then never reached.
    Deviation: PyTorch's PolynomialLR moves each time it is called, usually once an epoch;
    here the factor changes with every step.
    """

    power: Positive = 1.0
    end: Share = 0.0
    """The factor towards which the last step tends."""

    def course(self, progress: Progress) -> float:
        left = max(0.0, 1 - progress.epoch / progress.epochs)
        return float(self.end + (1 - self.end) * left**self.power)
