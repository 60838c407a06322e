"""Constant: the learning rate stays as it is (after a warm-up, if any)."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.schedule import Progress, Schedule


@dataclass
class Constant(Schedule):
    """factor = 1

    Reference: the neutral value against which every other schedule is compared.
    Suggested: as the baseline, and for short runs.
    """

    def course(self, progress: Progress) -> float:
        return 1.0
