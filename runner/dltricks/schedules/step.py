"""Step: the learning rate drops at regular intervals."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule, whole
from dltricks.core.types import Fraction, Positive


@dataclass
class Step(Schedule):
    """factor = rate^floor(epoch / every)

    Reference: Szegedy et al. 2015, section 6, https://arxiv.org/abs/1409.4842 (4 % less after every 8 epochs)
    Suggested: two or three drops in a training, to a tenth or a half.
    Does not help when training is short: linear and cosine end as low with nothing to tune.
    """

    every: Positive = 10.0
    """Epochs between two drops."""
    rate: Fraction = 0.1
    """What remains of the learning rate after a drop."""

    def course(self, progress: Progress) -> float:
        return float(self.rate ** whole(progress.epoch / self.every))
