"""Data sets of a plan, each loaded once in a process."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dltricks.core.dataset import Data
from dltricks.core.errors import DamagedError, UsageError
from dltricks.experiment.datafiles import DataFiles, digest
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
        # Of generated sets there may be one for each seed: they live as long as someone trains on them.
        self._generated: weakref.WeakValueDictionary[tuple[object, ...], Data] = weakref.WeakValueDictionary()

    def load(self, experiment: Experiment) -> Data:
        """The data of a run.

        Raises:
            UsageError, DamagedError: not found, or not what it should be.
        """
        dataset, seed = experiment.recipe.dataset, experiment.recipe.seeds.data
        key = (type(dataset), repr(dataset), str(experiment.folder), seed if dataset.generated else None)
        loaded = self._generated if dataset.generated else self._loaded
        found = loaded.get(key)
        if found is None:
            files = DataFiles(self.data_dir, experiment.folder, self._quiet)
            try:
                found = dataset.load(files, seed)
            except UsageError as error:
                raise UsageError(f"dataset: {str(error).removeprefix('dataset: ')}") from error
            for path, sum in experiment.files.items():
                # Looked at afterwards: whoever changes a file in between would be trained under the old one's hash.
                place = files.resolve(path)
                if digest(place, compressed=False) != sum:
                    raise DamagedError(f"{place}: has changed since the run was planned; run the same command again")
            loaded[key] = found
        return found


@dataclass(frozen=True)
class Prepared:
    """What a process has for a plan, so that a copy of it need neither load nor resolve it again."""

    datasets: Datasets
    experiments: Mapping[str, Experiment]
    """By hash."""
