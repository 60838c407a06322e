"""Model averaging across runs: the mean of several models' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltricks.api.session import PathLike, StoredRun, open_run
from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.engine.evaluate import score_name
from dltricks.experiment.resolve import to_yaml


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


def average(
    runs: Sequence[PathLike], *, runs_dir: PathLike = "runs", data_dir: PathLike | None = None, quiet: bool = True
) -> Average:
    """Averages the predictions (probabilities, or numbers) of two or more runs.

    Measured on the test part; where there is none, on the validation part, which must then be the same for all.

    Args:
        runs: of each its folder, its folder below ``runs_dir``, its experiment's name, or the beginning of its id.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        quiet: whether a download shows no progress bar.

    Raises:
        UsageError: fewer than two runs, a run given twice, or runs that do not share their data.
    """
    if len(runs) < 2:
        raise UsageError(f"an average needs two or more runs, found {len(runs)}")
    stored = [open_run(run, runs_dir, data_dir, quiet=quiet) for run in runs]
    first, seen = stored[0], dict[str, StoredRun]()
    for member in stored:
        twin = seen.setdefault(member.run.result["hash"], member)
        if twin is not member:
            raise UsageError(f"{member.run.path} and {twin.run.path} are the same run; name each once")
    part = "test" if len(first.evaluator.part("test")[2]) else "val"
    x, y, index = first.evaluator.part(part)
    for other in stored[1:]:
        _refuse_other_data(first, other, part)
    if not len(index):
        raise UsageError("these runs have neither a test nor a validation part to measure an average on")
    truth, classification = y[index], bool(first.data.classes)

    def score(predicted: Array) -> float:
        if classification:
            return float((predicted.argmax(-1) == truth).mean())
        return float(np.sqrt(np.square(predicted - truth).mean()))

    predictions = [member.evaluator.predict(x[index]).astype(np.float64) for member in stored]
    members = [(str(m.run.path), score(p)) for m, p in zip(stored, predictions, strict=True)]
    return Average(part, score_name(classification), members, score(np.mean(predictions, axis=0)))


def _refuse_other_data(first: StoredRun, other: StoredRun, part: str) -> None:
    (x, y, index), (other_x, other_y, other_index) = (run.evaluator.part(part) for run in (first, other))
    same = list(first.data.classes) == list(other.data.classes)
    if not same or not np.array_equal(x, other_x) or not np.array_equal(y, other_y):
        raise UsageError(
            f"{other.run.path} was not trained on the data of {first.run.path}: "
            f"dataset {_data(other)}, there {_data(first)}"
        )
    if not np.array_equal(index, other_index):
        raise UsageError(
            f"{other.run.path} and {first.run.path} validate on different samples, and their data have no test part; "
            "train them with the same seed for the split, such as seed: {init: 1, split: 0}"
        )


def _data(stored: StoredRun) -> str:
    seed = f", seed {stored.experiment.recipe.seeds.data}" if stored.experiment.recipe.dataset.generated else ""
    return to_yaml({"dataset": stored.run.config["dataset"]}).strip().removeprefix("dataset: ") + seed
