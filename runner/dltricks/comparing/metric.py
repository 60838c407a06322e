"""Which number stands for a run: a metric, at the last epoch, at the best one, or at a given one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dltricks.core.errors import UsageError
from dltricks.core.registry import unknown
from dltricks.experiment.settings import METRICS
from dltricks.runs.entry import Entry


@dataclass(frozen=True)
class At:
    """The epoch whose value stands for a run."""

    kind: Literal["last", "best", "epoch"] = "last"
    epoch: int = 0

    @classmethod
    def parse(cls, text: str) -> At:
        """Reads ``last``, ``best`` or ``epoch=N``.

        Raises:
            UsageError: anything else.
        """
        if text == "last":
            return cls("last")
        if text == "best":
            return cls("best")
        match = re.fullmatch(r"epoch=([0-9]{1,9})", text)
        if match is None or not int(match[1]):
            raise UsageError(f"--at: found {text!r}, allowed: last, best, or epoch=N with N from 1")
        return cls("epoch", int(match[1]))

    def __str__(self) -> str:
        return f"epoch={self.epoch}" if self.kind == "epoch" else self.kind

    def words(self, metric: str) -> str:
        """What is printed, as in "val_accuracy of the last epoch"."""
        if is_test(metric):
            return f"{metric} of the stored weights"
        if self.kind == "best":
            return f"{metric} of each run's best epoch (best in run.json)"
        return f"{metric} of {'the last epoch' if self.kind == 'last' else f'epoch {self.epoch}'}"


def is_test(metric: str) -> bool:
    """Whether it was measured once, with the weights that were stored."""
    return metric.startswith("test_")


def value(entry: Entry, metric: str, at: At) -> float | None:
    """What stands for a finished run; None where it has no such number."""
    if is_test(metric):
        return _number(entry.test, metric)
    if at.kind != "epoch":
        return _number(entry.final if at.kind == "last" else entry.best, metric)
    curve = entry.curve(metric)
    return None if curve is None or len(curve) < at.epoch else float(curve[at.epoch - 1])


def choose_metric(entries: Sequence[Entry], wanted: str | None, declared: str | None) -> str:
    """The metric to compare by: the user's, else the study's, else one that all runs have.

    Args:
        entries: runs that have finished.
        wanted: by the user.
        declared: by the plan of the study.

    Raises:
        UsageError: a metric that no run has; the message gives the nearest.
    """
    final = Counter(name for entry in entries for name in entry.final or ())
    tested = Counter(name for entry in entries for name in entry.test or ())
    counts = {metric: (tested if is_test(metric) else final)[metric] for metric in METRICS}
    available = [metric for metric, count in counts.items() if count]
    if wanted is not None:
        if wanted not in METRICS or (entries and wanted not in available):
            raise UsageError(unknown("metric of these runs", wanted, available or list(METRICS)))
        return wanted
    if declared in available:
        return declared
    for metric in ("val_accuracy", "val_loss"):
        if entries and counts[metric] == len(entries):
            return metric
    return "train_loss" if "train_loss" in available else next(iter(available), "val_accuracy")


def _number(line: Mapping[str, float] | None, metric: str) -> float | None:
    found = None if line is None else line.get(metric)
    return None if found is None else float(found)
