"""What several commands begin with: an experiment from a file, its data and network, and a stored run."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dltricks.core.cores import available_cores
from dltricks.core.dataset import Data
from dltricks.core.errors import DamagedError, UsageError
from dltricks.core.parallel import pool
from dltricks.core.types import Array
from dltricks.engine.evaluate import Evaluator
from dltricks.engine.trainer import Trainer
from dltricks.execution.data import Datasets
from dltricks.execution.stack import build
from dltricks.experiment.datafiles import DataFiles, at_home
from dltricks.experiment.document import Document, load_document
from dltricks.experiment.overrides import apply, from_arguments, parse_override
from dltricks.experiment.resolve import Experiment, resolve
from dltricks.experiment.settings import KEYS
from dltricks.experiment.study import Study, experiments, read_study
from dltricks.experiment.sweep import VARIANT
from dltricks.runs import files, reading

PathLike = str | Path
Overrides = Sequence[str] | Mapping[str, Any]
"""Values laid over a file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``."""

MOST_THREADS = 256
MAX_RUNS = 10_000
"""A larger study is refused unless the user says otherwise."""


@dataclass(frozen=True)
class Opened:
    """A valid experiment, and the document that says where each of its values was written."""

    experiment: Experiment
    document: Document

    def trainer(self, data_dir: PathLike | None = None, *, quiet: bool = True) -> Trainer:
        """Loads the data, found or downloaded, and builds the network.

        Raises:
            UsageError, DamagedError: data or parts that cannot be trained together.
        """
        datasets = Datasets(Path(data_dir) if data_dir else None, quiet=quiet)
        with located(self.document):
            return build([self.experiment], datasets)


@contextmanager
def located(document: Document) -> Iterator[None]:
    """Puts file, line and key before the engine's messages, which knows values and not where they were written."""
    try:
        yield
    except UsageError as error:
        key, colon, rest = str(error).partition(": ")
        if colon and key.split(".")[0] in KEYS:
            raise UsageError(document.error(tuple(key.split(".")), rest)) from error
        raise UsageError(document.error((), str(error))) from error


def open_experiment(
    file: PathLike,
    overrides: Overrides = (),
    values: Mapping[str, Any] | None = None,
    *,
    plugins: Sequence[PathLike] = (),
) -> Opened:
    """Resolves the one experiment of a file with overrides and then further values laid over it.

    Of several seeds it is the one with the first.

    Raises:
        UsageError: anything wrong with file, keys or values, or a file that sweeps something.
    """
    study = open_study(file, overrides, values or {})
    name = study.document.name
    if study.tune is not None:
        raise UsageError(f"{name}: tunes, and a single run is needed here; leave that out with tune={{}}")
    if len(study.arms) > 1:
        fix = "leave that out with sweep={}" if VARIANT in study.swept else ""
        fix = fix or f"fix {'it' if len(study.swept) == 1 else 'them'} with {' '.join(f'{k}=...' for k in study.swept)}"
        raise UsageError(f"{name}: sweeps {' and '.join(study.swept)}, and a single run is needed here; {fix}")
    arm, experiment = next(experiments(study, plugins=[Path(plugin) for plugin in plugins]))
    return Opened(experiment, apply(study.document, arm.changes))


def open_study(file: PathLike, overrides: Overrides, values: Mapping[str, Any], most: int = MAX_RUNS) -> Study:
    """Reads which runs a file asks for, with overrides and then further values laid over it.

    Raises:
        UsageError: anything wrong with the form of file, keys or values, or more than ``most`` runs.
    """
    if isinstance(overrides, str):
        raise UsageError(f"overrides: found the text {overrides!r}, allowed: a list of such texts, or a mapping")
    if most < 1:
        raise UsageError(f"--max-runs: found {most}, allowed: a whole number of runs, at least 1")
    if isinstance(overrides, Mapping):
        changes = from_arguments(overrides)
    else:
        changes = [parse_override(text) for text in overrides]
    return read_study(load_document(file), [*changes, *from_arguments(values)], most)


def use_threads(threads: int | None) -> None:
    """Lets large products use that many threads, by default all cores.

    Raises:
        UsageError: a number that is none of threads.
    """
    check_threads(threads)
    pool.resize(available_cores() if threads is None else threads)


def check_threads(threads: int | None) -> None:
    """Refuses a number that is none of threads.

    Raises:
        UsageError: it is not; None stands for all cores.
    """
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"threads: found {threads}, allowed: a whole number from 1 to {MOST_THREADS}")


def warn(message: str) -> None:
    """Tells people on stderr."""
    print(f"dltricks: {message}", file=sys.stderr)


@dataclass(frozen=True)
class Run:
    """A run that has ended, as it lies in its folder; what is not at hand is read and checked when asked for."""

    path: Path
    result: dict[str, Any] = field(repr=False)
    """The content of run.json: status, seed, epochs, best, final, test, and checksums."""
    reused: bool = False
    """Whether the run had been trained before and was only read."""

    @cached_property
    def _record(self) -> reading.RunRecord:
        return reading.read_run(self.path)

    @property
    def config(self) -> dict[str, Any]:
        """The resolved experiment."""
        return self._record.config

    @property
    def history(self) -> list[dict[str, Any]]:
        """The metrics of each epoch, oldest first."""
        return self._record.metrics

    @cached_property
    def metrics(self) -> dict[str, Array]:
        """Each metric as a float64 array with one value per epoch."""
        first = self.history[0] if self.history else {}
        names = [name for name, value in first.items() if isinstance(value, (int, float))]
        return {name: np.array([line[name] for line in self.history], np.float64) for name in names}

    @property
    def status(self) -> str:
        """``finished`` or ``diverged``."""
        return str(self.result["status"])

    @property
    def kept(self) -> str | None:
        """Whose weights are stored: those of the ``best`` epoch or the ``final`` one; None after divergence."""
        if self.status == "diverged":
            return None
        return "best" if self.config["early_stopping"].get("restore_best", False) else "final"

    @property
    def recorded(self) -> dict[str, float]:
        """The metrics of the epoch whose weights are stored, and the test metrics; empty after divergence."""
        line = self.result[self.kept] if self.kept else {}
        return {**line, **(self.result["test"] or {})}

    def weights(self) -> dict[str, Array]:
        """The weights that the result stands for, by path; checked against run.json."""
        return reading.read_weights(self.path)


def read(path: PathLike, *, reused: bool = False) -> Run:
    """A run that has ended.

    Raises:
        UsageError: no such folder, or a run that has not ended.
        DamagedError: a file that is not what was written.
    """
    path = Path(path)
    if not _is_run(path):
        raise UsageError(f"{path} is not a run folder: it has no {reading.CONFIG}")
    record = reading.read_run(path)
    if record.result is None:
        state = reading.status(path)
        raise UsageError(f"{path} is {state} and has no result yet; train it again to let it go on")
    return Run(path, record.result, reused)


def find_run(run: PathLike, runs_dir: PathLike = "runs") -> Path:
    """The folder of a run that is named by its path, its path below ``runs_dir``, its experiment, or its id.

    Raises:
        UsageError: none, or several; the message names them.
    """
    given, runs_dir = Path(run), at_home(Path(runs_dir))
    for folder in (given, runs_dir / given):
        if _is_run(folder):
            return folder
        inside = [path for path in _children(folder) if _is_run(path)]
        if len(inside) == 1:
            return inside[0]
        if inside:
            raise UsageError(f"{folder} holds {len(inside)} runs; name one of them: {_listed(inside)}")
    everything = [path for group in _children(runs_dir) for path in _children(group) if _is_run(path)]
    text = str(run)
    found = [path for path in everything if len(text) >= 4 and path.name.rpartition("-")[2].startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{text!r} begins the id of {len(found)} runs; name one of them: {_listed(found)}")
    names = [text for path in everything for text in (path.parent.name, path.name, str(path))]
    near = difflib.get_close_matches(text, dict.fromkeys(names), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    what = "is not a run folder" if given.exists() else "no such run"
    raise UsageError(
        f"{text}: {what}, nor an experiment or id below {runs_dir}{hint}"
        if everything
        else f"{text}: {what}, and {runs_dir} holds no runs; name it with --runs-dir"
    )


def _children(folder: Path) -> list[Path]:
    return [folder / name for name in files.names(folder)] if folder.is_dir() else []


def _is_run(path: Path) -> bool:
    return (path / reading.CONFIG).is_file()


def _listed(paths: Sequence[Path], most: int = 5) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(str(path) for path in paths[:most]) + more


@dataclass(frozen=True)
class StoredRun:
    """A run that has ended, with its experiment, data, and its network ready to use."""

    run: Run
    experiment: Experiment = field(repr=False)
    data: Data = field(repr=False)
    evaluator: Evaluator = field(repr=False)


def open_run(
    run: PathLike, runs_dir: PathLike = "runs", data_dir: PathLike | None = None, *, quiet: bool = True
) -> StoredRun:
    """Rebuilds a run's network from its folder.

    Raises:
        UsageError: no ended run there, or the files of its data set cannot be found or downloaded.
        DamagedError: weights that do not fit the configuration, or data that have changed or vanished.
    """
    stored = read(find_run(run, runs_dir))
    # Paths in the configuration begin in the experiment file's folder; copies of plugins lie beside config.yaml.
    base = reading.read_environment(stored.path).get("folder")
    data_files = DataFiles(Path(data_dir) if data_dir else None, Path(base) if base else None, quiet)
    try:
        experiment = resolve(load_document(stored.path / reading.CONFIG), files=data_files)
    except UsageError as error:  # its configuration was valid when it was trained
        raise DamagedError(f"{stored.path}: what it was trained with is missing: {error}") from error
    if experiment.hash != stored.result["hash"]:
        raise DamagedError(f"{stored.path}: {_change(experiment, stored)}; its result cannot be measured again")
    data = experiment.recipe.dataset.load(data_files, experiment.recipe.seeds.data)
    use_threads(None)
    try:
        evaluator = Evaluator.restore(experiment.recipe, data, stored.weights())
    except (KeyError, ValueError) as error:
        raise DamagedError(f"{stored.path / reading.WEIGHTS}: does not fit the configuration: {error}") from error
    return StoredRun(stored, experiment, data, evaluator)


def _change(experiment: Experiment, stored: Run) -> str:
    """Why an experiment that was read back is not the one that was trained."""
    keys = [key for key, value in experiment.config.items() if stored.config.get(key) != value]
    if keys:
        return f"this version of dltricks reads its configuration differently ({', '.join(keys)})"
    return "a data file or plugin that it was trained with has changed since"
