"""Linear: the learning rate falls on a straight line."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Share


@dataclass
class Linear(Schedule):
    """factor = 1 + (end - 1) * epoch / epochs

    Reference: Defazio et al. 2023, https://arxiv.org/abs/2310.07831 (why it is hard to beat)
    Suggested: end 0, with a warm-up of one epoch.
    Does not help when training may be stopped early: the low rates of the end are then never reached.
    Deviation: PyTorch's LinearLR rises from a third of the rate unless told otherwise, and moves each time it is
    called, usually once an epoch; here the factor changes with every step.
    """

    end: Share = 0.0
    """The factor towards which the last step tends."""

    def course(self, progress: Progress) -> float:
        return 1 + (self.end - 1) * progress.epoch / progress.epochs
