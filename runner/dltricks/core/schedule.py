"""Schedules: a factor on the learning rate as a pure function of training progress."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dltricks.core.component import Component
from dltricks.core.types import NonNegative


@dataclass(frozen=True)
class Progress:
    """Where training stands, in epochs: 2.5 is the middle of the third epoch."""

    epoch: float
    epochs: float
    history: Sequence[Mapping[str, Any]] = field(default=(), compare=False)
    """The metrics of the finished epochs, oldest first."""


@dataclass
class Schedule(Component):
    """Base: a linear warm-up over ``warmup`` epochs, then the schedule's own course over the rest.

    At step s of the warm-up (counted from 1) the factor is s / (steps of the warm-up); the first step is never zero.
    """

    kind = "schedule"

    warmup: NonNegative = 0.0

    def factor(self, progress: Progress, step: float) -> float:
        """The factor at a step that takes ``step`` epochs, in float64."""
        if progress.epoch < self.warmup:
            return min(1.0, (progress.epoch + step) / self.warmup) * self.course(Progress(0.0, progress.epochs))
        return self.course(
            Progress(progress.epoch - self.warmup, max(progress.epochs - self.warmup, step), progress.history)
        )

    @abstractmethod
    def course(self, progress: Progress) -> float:
        """The factor after the warm-up, progress counted from its end."""
