"""Measures a run again from its stored weights, class by class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dltricks.api.session import PathLike, Run, open_run
from dltricks.core.types import Array


@dataclass(frozen=True)
class Evaluation:
    """Metrics of the stored weights, and for classes who is taken for whom."""

    run: Run
    part: str
    """The part that ``confusion`` counts: ``test`` where there is one, else ``val``, else ``train``."""
    metrics: dict[str, float]
    stored: dict[str, float]
    """What the run recorded for the same weights; equal to ``metrics`` on the same machine."""
    classes: list[str] = field(default_factory=list)
    confusion: Array | None = None
    """Counts (classes, classes): row the true class, column the predicted one."""

    @property
    def per_class(self) -> list[dict[str, Any]]:
        """class, samples, right and accuracy of each class; accuracy is None without samples."""
        if self.confusion is None:
            return []
        return [
            {"class": name, "samples": int(row.sum()), "right": int(row[c]), "accuracy": row[c] / row.sum() if row.sum() else None}
            for c, (name, row) in enumerate(zip(self.classes, self.confusion, strict=True))
        ]


def evaluate(run: PathLike, *, data_dir: PathLike | None = None, quiet: bool = True) -> Evaluation:
    """Measures a finished run on its training, validation and test parts.

    Raises:
        UsageError: no run there that has ended, or its data cannot be found.
        DamagedError: weights or data that are not what the run was made with.
    """
    stored = open_run(run, data_dir, quiet=quiet)
    evaluator = stored.evaluator
    metrics = {name: value for part in ("train", "val", "test") for name, value in evaluator.measure(part).items()}
    part = next(part for part in ("test", "val", "train") if len(evaluator.part(part)[2]))
    classes = list(stored.data.classes)
    confusion = None
    if classes:
        x, y, index = evaluator.part(part)
        predicted = evaluator.predict(x[index]).argmax(-1)
        confusion = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(confusion, (y[index], predicted), 1)
    return Evaluation(stored.run, part, metrics, _recorded(stored.run), classes, confusion)


def _recorded(run: Run) -> dict[str, float]:
    """The validation metrics of the epoch whose weights are stored, and the test metrics."""
    best, final, test = (run.result[name] for name in ("best", "final", "test"))
    restored = run.config["early_stopping"].get("restore_best", False)
    line = (best if restored else final) or {}
    if run.status == "diverged":
        line = {}
    validation = {name: value for name, value in line.items() if name.startswith("val_")}
    return validation | (test or {})
