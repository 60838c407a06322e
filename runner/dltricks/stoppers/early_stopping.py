"""Early stopping: ends training when the watched metric has stopped improving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltricks.core.stopper import Stopper, improves
from dltricks.core.types import NonNegative, Size


@dataclass
class EarlyStopping(Stopper):
    """Stops after epoch e when none of the last ``patience`` epochs beat the best before them by
    ``min_delta``.

    Reference: Prechelt 1998, https://doi.org/10.1007/3-540-49430-8_3
    Suggested: patience 5 to 10 on val_loss.
    Does not help when the validation part is so small that its noise ends training early.
    """

    monitor: str = "val_loss"
    """The metric of each epoch that is watched."""
    patience: Size = 5
    """Epochs to wait for an improvement."""
    min_delta: NonNegative = 0.0
    """How much better an epoch must be to count as an improvement."""
    restore_best: bool = True
    """Whether the run's weights are those of the best epoch instead of the last."""

    def watched(self, default: str) -> str:
        return self.monitor

    def stop(self, history: Sequence[Mapping[str, Any]], metric: str) -> bool:
        best, waited = history[0][metric], 0
        for line in history[1:]:
            if improves(metric, line[metric], best, self.min_delta):
                best, waited = line[metric], 0
            else:
                waited += 1
        return waited >= self.patience
