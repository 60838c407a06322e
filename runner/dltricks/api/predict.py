"""Predictions of a trained run for new data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dltricks.api.session import PathLike, open_run
from dltricks.core.errors import UsageError
from dltricks.core.types import Array


@dataclass(frozen=True)
class Prediction:
    """``values`` (N, classes) are probabilities, or (N, targets) predicted numbers for regression."""

    values: Array = field(repr=False)
    classes: list[str]
    """Names of the classes; empty for regression."""
    targets: list[str]
    """Names of the predicted numbers; empty for classification."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per sample: its number from 0, the predicted class and all probabilities, or the numbers."""
        rows: list[dict[str, Any]] = []
        for number, values in enumerate(self.values):
            row: dict[str, Any] = {"row": number}
            if self.classes:
                row["prediction"] = self.classes[int(values.argmax())]
            named = [f"p({name})" for name in self.classes] or self.targets
            rows.append(row | {name: float(value) for name, value in zip(named, values, strict=True)})
        return rows


def predict(
    run: PathLike,
    file: PathLike,
    *,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    quiet: bool = True,
) -> Prediction:
    """Predicts every sample of a file: a table for a csv run, else .npy or .npz (array ``x``) in the data's own units.

    Args:
        run: its folder, its folder below ``runs_dir``, its experiment's name, or the beginning of its id.
        file: the new data.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        quiet: whether a download shows no progress bar.

    Raises:
        UsageError: no run there that has ended, or a file whose samples do not fit or are too large.
        DamagedError: weights or data that are not what the run was made with.
    """
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{path}: {'a folder, where a file is needed' if path.is_dir() else 'no such file'}")
    stored = open_run(run, runs_dir, data_dir, quiet=quiet)
    inputs = stored.experiment.recipe.dataset.predict_inputs(path, stored.data)
    targets = list(stored.data.targets) or [f"y{i}" for i in range(stored.evaluator.network.output_shape[0])]
    classes = list(stored.data.classes)
    values = stored.evaluator.predict(inputs)
    bad = np.flatnonzero(~np.isfinite(values).all(-1))
    if len(bad):
        raise UsageError(
            f"{path}: the prediction for row {bad[0]} (counted from 0) is not finite; its values are too far from the "
            f"training part's to compute with in {stored.experiment.recipe.dtype}"
        )
    return Prediction(values, classes, [] if classes else targets)
