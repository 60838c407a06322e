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
    recorded: dict[str, float]
    """What the run recorded for the same weights; equal to ``metrics`` on the same machine."""
    classes: list[str] = field(default_factory=list, repr=False)
    confusion: Array | None = field(default=None, repr=False)
    """Counts (classes, classes): row the true class, column the predicted one."""

    @property
    def per_class(self) -> list[dict[str, Any]]:
        """class, samples, right and accuracy of each class; accuracy is None without samples."""
        if self.confusion is None:
            return []
        return [
            {
                "class": name,
                "samples": int(row.sum()),
                "right": int(row[c]),
                "accuracy": float(row[c] / row.sum()) if row.sum() else None,
            }
            for c, (name, row) in enumerate(zip(self.classes, self.confusion, strict=True))
        ]

    @property
    def changed(self) -> list[str]:
        """The metrics that differ from what was recorded."""
        return [name for name, value in self.recorded.items() if self.metrics.get(name) != value]


def evaluate(
    run: PathLike, *, runs_dir: PathLike = "runs", data_dir: PathLike | None = None, quiet: bool = True
) -> Evaluation:
    """Measures a run that has ended on its training, validation and test parts.

    Args:
        run: its folder, its folder below ``runs_dir``, its experiment's name, or the beginning of its id.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        quiet: whether a download shows no progress bar.

    Raises:
        UsageError: no run there that has ended, or its data cannot be found.
        DamagedError: weights or data that are not what the run was made with.
    """
    stored = open_run(run, runs_dir, data_dir, quiet=quiet)
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
    # The training metrics of an epoch were taken while the weights were moving, so they are not comparable.
    recorded = {name: v for name, v in stored.run.recorded.items() if name.startswith(("val_", "test_"))}
    return Evaluation(stored.run, part, metrics, recorded, classes, confusion)
