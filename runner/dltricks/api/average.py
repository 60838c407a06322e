"""Model averaging across runs: the mean of several models' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltricks.api.session import PathLike, StoredRun, open_run
from dltricks.core.errors import UsageError
from dltricks.engine.evaluate import score_name


@dataclass(frozen=True)
class Average:
    """Members against their ensemble, on the same samples."""

    part: str
    """``test``, or ``val`` where the data have no test part."""
    metric: str
    """``accuracy``, or ``rmse`` for regression."""
    members: list[tuple[str, float]]
    """(folder, score) of each run."""
    ensemble: float
    """Score of the averaged predictions."""

    @property
    def mean(self) -> float:
        return float(np.mean([score for _, score in self.members]))

    @property
    def spread(self) -> float:
        """Standard deviation of the members' scores (n - 1)."""
        return float(np.std([score for _, score in self.members], ddof=1))

    @property
    def difference(self) -> float:
        """Ensemble minus the members' mean."""
        return self.ensemble - self.mean


def average(runs: Sequence[PathLike], *, data_dir: PathLike | None = None, quiet: bool = True) -> Average:
    """Averages the predictions (probabilities, or numbers) of two or more runs.

    Measured on the test part; where there is none, on the validation part, which must then be the same for all.

    Raises:
        UsageError: fewer than two runs, a run given twice, or runs that do not share their data.
    """
    stored = [open_run(run, data_dir, quiet=quiet) for run in runs]
    if len({member.run.result["hash"] for member in stored}) < max(2, len(stored)):
        raise UsageError(f"an average needs two or more different runs; {len(stored)} given, of which some are the same"
                         if len(stored) > 1 else "an average needs two or more runs")
    first = stored[0]
    part = "test" if len(first.evaluator.part("test")[2]) else "val"
    x, y, index = first.evaluator.part(part)
    for other in stored[1:]:
        _refuse_other_data(first, other, part)
    if not len(index):
        raise UsageError("these runs have neither a test nor a validation part to measure an average on")
    truth = y[index]

    def score(predicted: np.ndarray) -> float:
        if first.data.classes:
            return float((predicted.argmax(-1) == truth).mean())
        return float(np.sqrt(np.square(predicted - truth).mean()))

    predictions = [member.evaluator.predict(x[index]).astype(np.float64) for member in stored]
    members = [(str(m.run.path), score(p)) for m, p in zip(stored, predictions, strict=True)]
    return Average(part, score_name(bool(first.data.classes)), members, score(np.mean(predictions, axis=0)))


def _refuse_other_data(first: StoredRun, other: StoredRun, part: str) -> None:
    for a, b in zip(first.evaluator.part(part)[:2], other.evaluator.part(part)[:2], strict=True):
        if not np.array_equal(a, b):
            raise UsageError(
                f"{other.run.path} was not trained on the data of {first.run.path}: "
                f"dataset {other.run.config['dataset']}, there {first.run.config['dataset']}"
            )
    if not np.array_equal(first.evaluator.part(part)[2], other.evaluator.part(part)[2]):
        raise UsageError(
            f"{other.run.path} and {first.run.path} validate on different samples, and their data have no test part; "
            "train them with the same seed for the split, such as seed: {init: 1, split: 0}"
        )
