"""Inverse square root: the learning rate falls ever more slowly and needs no end."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Positive


@dataclass
class InverseSqrt(Schedule):
    """factor = sqrt(scale / (scale + epoch))

    With scale equal to warmup this is the schedule of the Transformer: the square root of warmup / epoch
    after it.

    Reference: Vaswani et al. 2017, section 5.3, https://arxiv.org/abs/1706.03762
    Suggested: scale equal to warmup, where the number of epochs is not known beforehand.
    Does not help when it is known: linear and cosine come lower and usually end better.
    """

    scale: Positive = 1.0
    """Epochs after which the learning rate has fallen to 0.71."""

    def course(self, progress: Progress) -> float:
        return sqrt(self.scale / (self.scale + progress.epoch))
