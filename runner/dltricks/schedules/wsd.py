"""WSD: warm-up, a long stretch at the full learning rate, and a short decay (warmup-stable-decay)."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule
from dltricks.core.types import Share


@dataclass
class Wsd(Schedule):
    """factor = 1 until the share ``decay`` of training is left, then a straight line to ``end``

    The warm-up is the field that every schedule has.

    Reference: Hu et al. 2024, https://arxiv.org/abs/2404.06395; Hägele et al. 2024,
    https://arxiv.org/abs/2405.18392
    Suggested: decay 0.2, with a warm-up. One long run can be ended at any time by its decay.
    Does not help when the number of epochs is fixed: cosine and linear are as good.
    """

    decay: Share = 0.2
    """The share of training, counted from the end of the warm-up, in which the rate falls."""
    end: Share = 0.0
    """The factor towards which the last step tends."""

    def course(self, progress: Progress) -> float:
        left = 1 - progress.epoch / progress.epochs
        return 1.0 if left >= self.decay else self.end + (1 - self.end) * left / self.decay
