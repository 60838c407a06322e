"""Cosine: the learning rate falls along half a wave, slowly at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Share


@dataclass
class Cosine(Schedule):
    """factor = end + (1 - end) * (1 + cos(pi * epoch / epochs)) / 2

    Reference: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983 (one cycle, no restarts)
    Suggested: end 0, with a warm-up of one epoch.
    Does not help when training may be stopped early: the low rates of the end are then never reached.
    Deviation: PyTorch's CosineAnnealingLR moves each time it is called, usually once an epoch;
    here the factor changes with every step.
    """

    end: Share = 0.0
    """The factor towards which the last step tends."""

    def course(self, progress: Progress) -> float:
        return self.end + (1 - self.end) * (1 + cos(pi * progress.epoch / progress.epochs)) / 2
