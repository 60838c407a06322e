"""Plateau: the learning rate drops when the watched metric has stopped improving."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.stopper import improves
from dltricks.core.types import Fraction, NonNegative, Size


@dataclass
class Plateau(Schedule):
    """factor = rate^(how often ``patience`` epochs in a row did not beat the best by ``threshold``)

    Accuracies improve upwards, all other metrics downwards. After a drop the waiting begins anew. Epochs of
    the warm-up do not count.

    Reference: He et al. 2015, section 3.4, https://arxiv.org/abs/1512.03385 (a tenth when the error plateaus)
    Suggested: rate 0.5, patience 2 to 5, shorter than the patience of early stopping.
    Does not help when the validation part is small: noise decides when the rate falls.
    Deviation: PyTorch's ReduceLROnPlateau drops one epoch later for the same patience, and its threshold is
    relative unless told otherwise.
    """

    reads_history = True

    monitor: str = "val_loss"
    """The metric of each epoch that is watched."""
    rate: Fraction = 0.5
    """What remains of the learning rate after a drop."""
    patience: Size = 3
    """Epochs to wait for an improvement."""
    threshold: NonNegative = 0.0
    """How much better an epoch must be to count as an improvement."""

    def course(self, progress: Progress) -> float:
        drops, waited = 0, 0
        best: float | None = None
        for line in progress.history:
            value = line[self.monitor]
            if best is None or improves(self.monitor, value, best, self.threshold):
                best, waited = value, 0
            else:
                waited += 1
            if waited == self.patience:
                drops, waited = drops + 1, 0
        return float(self.rate**drops)
