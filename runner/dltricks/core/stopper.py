"""Early stopping: pure functions of the metrics so far."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from dltricks.core.component import Component


def higher_is_better(metric: str) -> bool:
    """Accuracies are to be raised; losses and errors are to be lowered."""
    return metric.endswith("accuracy")


def improves(metric: str, value: float, best: float, min_delta: float = 0.0) -> bool:
    """Whether ``value`` is better than ``best`` by more than ``min_delta``."""
    return value > best + min_delta if higher_is_better(metric) else value < best - min_delta


class Stopper(Component):
    """Decides after each epoch whether training ends, and which epoch's weights are kept."""

    kind = "early_stopping"
    restore_best: bool = False
    """Whether the run's weights are those of the best epoch."""

    def watched(self, default: str) -> str:
        """The metric by which an epoch is the best; ``default`` unless the stopper names one."""
        return default

    @abstractmethod
    def stop(self, history: Sequence[Mapping[str, Any]], metric: str) -> bool:
        """Whether training ends after the last epoch of ``history`` (oldest first)."""
