"""A stack of runs as work to be done, by this process or another, here or elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dltricks.core.errors import DamagedError, DltricksError
from dltricks.core.refusals import refusal
from dltricks.experiment.datafiles import DataFiles
from dltricks.experiment.document import Document
from dltricks.experiment.resolve import Experiment, resolve

RUN = {
    "number": int,
    "path": str,
    "label": str,
    "role": (str, None),
    "hash": str,
    "config": dict,
    "folder": str,
    "plugins": [str],
}
TASK = {"runs": [RUN], "data_dir": (str, None)}
"""The forms of ``to_json``, in the words of ``runs.sealed.misfit``."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan."""

    number: int
    """Its place in the plan."""
    experiment: Experiment
    path: Path
    """Its folder, which need not exist."""
    label: str = ""
    """What people call it among the others of its plan."""
    role: str | None = None
    """``tuning``: run.json says so, and the run stays out of comparisons."""

    def to_json(self) -> dict[str, Any]:
        """Plain values from which ``from_json`` makes the same run in another process."""
        experiment = self.experiment
        return {
            "number": self.number,
            "path": str(self.path.absolute()),
            "label": self.label,
            "role": self.role,
            "hash": experiment.hash,
            "config": experiment.config,
            "folder": str(experiment.folder),
            "plugins": [str(plugin.path) for plugin in experiment.plugins],
        }

    @classmethod
    def from_json(
        cls, values: Mapping[str, Any], data_dir: Path | None = None, known: Mapping[str, Experiment] | None = None
    ) -> Self:
        """A run of a plan that another process made; ``known`` is that of ``Task.from_json``.

        Raises:
            UsageError: the experiment is refused here, as where its data are missing.
            DamagedError: data or plugins are not those of the plan.
        """
        planned = (known or {}).get(values["hash"])
        # Files and plugins may have changed since, which only resolving finds.
        if planned is not None and not planned.files and not planned.plugins and planned.config == values["config"]:
            return cls(values["number"], planned, Path(values["path"]), values["label"], values["role"])
        config = {key: value for key, value in values["config"].items() if key != "plugins"}
        folder = Path(values["folder"])
        document = Document("plan", config, path=folder / "plan.yaml")
        plugins = [Path(path) for path in values["plugins"]]
        experiment = resolve(document, plugins=plugins, files=DataFiles(data_dir, folder, quiet=True))
        if experiment.hash != values["hash"]:
            raise DamagedError(
                f"{values['path']}: data, plugins or dltricks itself have changed since this run was planned; plan anew"
            )
        return cls(values["number"], experiment, Path(values["path"]), values["label"], values["role"])


@dataclass(frozen=True)
class Task:
    """Runs that train as one stack."""

    runs: tuple[PlannedRun, ...]
    data_dir: Path | None = None
    """Where data sets lie, before all other places."""
    attempt: int = 1
    """Counted from 1."""

    @property
    def epochs(self) -> int:
        """Epochs that each run takes unless it ends early."""
        return self.runs[0].experiment.recipe.epochs

    def to_json(self) -> dict[str, Any]:
        """Plain values from which ``from_json`` makes the same task in another process."""
        data_dir = None if self.data_dir is None else str(self.data_dir.absolute())
        return {"runs": [run.to_json() for run in self.runs], "data_dir": data_dir}

    @classmethod
    def from_json(
        cls,
        values: Mapping[str, Any],
        refused: Callable[[int, DltricksError], None],
        known: Mapping[str, Experiment] | None = None,
    ) -> Self:
        """A task that another process made.

        Args:
            values: from ``to_json``.
            refused: hears of the runs that cannot be part of it.
            known: by hash, experiments that are not resolved again where their configuration is the same.
        """
        data_dir = None if values["data_dir"] is None else Path(values["data_dir"])
        runs = []
        for run in values["runs"]:
            try:
                runs.append(PlannedRun.from_json(run, data_dir, known))
            except DltricksError as error:
                refused(run["number"], error)
            except OSError as error:
                refused(run["number"], refusal(error.filename or "this process", error))
        return cls(tuple(runs), data_dir)


def cut(runs: Sequence[PlannedRun], pieces: int) -> list[Sequence[PlannedRun]]:
    """Neighbouring runs in parts that differ in length by one at most; none is empty."""
    edges = [len(runs) * i // pieces for i in range(pieces + 1)]
    return [runs[i:j] for i, j in itertools.pairwise(edges) if i < j]
