"""Step: the learning rate drops at regular intervals."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.errors import UsageError
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

    def check(self, epochs: int) -> None:
        super().check(epochs)
        if self.every >= epochs - self.warmup:
            raise UsageError(
                f"every: the learning rate never drops, because training ends after {epochs - self.warmup:g} epochs"
                f"{' from the end of the warm-up' if self.warmup else ''}; lower every, or write schedule: constant"
            )

    def course(self, progress: Progress) -> float:
        return float(self.rate ** whole(progress.epoch / self.every))
