"""Data sets of a plan, each loaded once in a process."""

from __future__ import annotations

from pathlib import Path

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.experiment.datafiles import DataFiles
from dltricks.experiment.resolve import Experiment


class Datasets:
    """Runs whose data are the same share one copy in memory."""

    def __init__(self, data_dir: Path | None = None, *, quiet: bool = True) -> None:
        """
        Args:
            data_dir: where data sets lie, before all other places.
            quiet: whether a download shows no progress bar.
        """
        self.data_dir, self._quiet = data_dir, quiet
        self._loaded: dict[tuple[object, ...], Data] = {}

    def load(self, experiment: Experiment) -> Data:
        """The data of a run.

        Raises:
            UsageError, DamagedError: not found, or not what it should be.
        """
        dataset, seed = experiment.recipe.dataset, experiment.recipe.seeds.data
        key = (type(dataset), repr(dataset), str(experiment.folder), seed if dataset.generated else None)
        if key not in self._loaded:
            files = DataFiles(self.data_dir, experiment.folder, self._quiet)
            try:
                self._loaded[key] = dataset.load(files, seed)
            except UsageError as error:
                raise UsageError(f"dataset: {str(error).removeprefix('dataset: ')}") from error
        return self._loaded[key]
