"""Schedules: a factor on the learning rate as a pure function of training progress."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, ClassVar, NamedTuple

from dltricks.core.component import Component
from dltricks.core.errors import UsageError
from dltricks.core.types import NonNegative


class Progress(NamedTuple):
    """Where training stands, in epochs: 2.5 is the middle of the third epoch."""

    epoch: float
    epochs: float
    history: Sequence[Mapping[str, Any]] = ()
    """The metrics of the finished epochs, oldest first."""


@dataclass
class Schedule(Component):
    """Base: a linear warm-up over ``warmup`` epochs, then the schedule's own course over the rest.

    At step s of the warm-up (counted from 1) the factor is s / (steps of the warm-up) of where the course
    begins: the first step is never zero, and the last one hands over without a jump. The course knows nothing
    of the warm-up: it is given the epochs after it, their number and their metrics.
    """

    kind = "schedule"
    reads_history: ClassVar[bool] = False
    """True where the course depends on the metrics so far, and not on the time alone."""

    warmup: NonNegative = 0.0
    """Epochs in which the learning rate rises to where the schedule begins."""

    def check(self, epochs: int) -> None:
        """Refuses what does not fit into a training of that many epochs.

        Raises:
            UsageError: a warm-up that training would end in the middle of.
        """
        if self.warmup > epochs:
            raise UsageError(
                f"warmup: {self.warmup:g} epochs are more than the {epochs} of the whole training; "
                "lower warmup, or raise epochs"
            )

    def factor(self, progress: Progress, step: float) -> float:
        """The factor at a step that takes ``step`` epochs, in float64."""
        if not self.warmup:
            return self.course(progress)
        epochs = max(progress.epochs - self.warmup, step)
        if progress.epoch < self.warmup:
            return min(1.0, (progress.epoch + step) / self.warmup) * self.course(Progress(0.0, epochs))
        history = progress.history[ceil(self.warmup) :]
        return self.course(Progress(progress.epoch - self.warmup, epochs, history))

    @abstractmethod
    def course(self, progress: Progress) -> float:
        """The factor after the warm-up, progress counted from its end."""


def whole(periods: float) -> int:
    """How many whole periods have passed; one that rounding alone leaves open has passed."""
    return floor(periods + 1e-9)
