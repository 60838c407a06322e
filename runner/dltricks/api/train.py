"""Trains the run that an experiment file describes, or goes on with it, or finds it done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dltricks.api.session import Overrides, PathLike, Run, open_experiment, read, use_threads
from dltricks.core.errors import DamagedError
from dltricks.core.parallel import pool
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train as run_loop
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Trainer
from dltricks.experiment.datafiles import at_home
from dltricks.experiment.resolve import Experiment, to_yaml
from dltricks.runs import environment, names, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.recorder import Recorder, Recording


def train(
    file: PathLike,
    overrides: Overrides = (),
    *,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    threads: int | None = None,
    quiet: bool = True,
    hooks: Sequence[Hook] = (),
    notify: Callable[[str], None] | None = None,
    **values: Any,
) -> list[Run]:
    """Trains an experiment and returns its runs, in the order of the plan.

    A run that is finished already is read, an interrupted one goes on where its last checkpoint left it.

    Args:
        file: the experiment file.
        overrides: values laid over the file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        fresh: whether to forget an earlier run and train anew.
        threads: how many threads large networks use (all cores by default); results do not depend on it.
        quiet: whether a download shows no progress bar.
        hooks: called by the training loop, after those that record the run.
        notify: is told warnings; by default they go to stderr.
        values: further values as arguments, such as ``dropout=0.5``.

    Returns:
        The runs; ``run.metrics["val_loss"]`` is an array with one value per epoch. A run that diverged is
        returned like any other, with ``run.status == "diverged"``.

    Raises:
        UsageError: anything wrong with the file, its values or the data they name; nothing has been written.
        DamagedError, LockedError, FileSystemError: of the run's folder or the data set.
        StoppedError: a signal ended training; the same call goes on.
    """
    opened = open_experiment(file, overrides, values, plugins=plugins)
    use_threads(threads)
    experiment, runs_dir = opened.experiment, at_home(Path(runs_dir))
    path = names.find_by_hash(runs_dir, experiment.hash, experiment.name)
    if path is None:
        seed = experiment.config["seed"]
        # Of one seed for each purpose those that are not 0 say enough: the name is a label.
        label = names.label({}, {k: v for k, v in seed.items() if v} if isinstance(seed, dict) else seed)
        path = names.run_path(runs_dir, experiment.name, label, experiment.hash)
    elif not fresh and reading.status(path) in ("finished", "diverged", "damaged"):
        return [_reused(path)]
    trainer = opened.trainer(data_dir, quiet=quiet)
    return [_train(experiment, path, trainer, fresh, hooks, notify or _warn)]


def _reused(path: Path) -> Run:
    """A run that has ended, every byte of it checked."""
    try:
        reading.verify(path)
    except DamagedError as error:
        raise DamagedError(f"{error}; --fresh starts anew") from error
    return read(path, reused=True)


def _train(
    experiment: Experiment,
    path: Path,
    trainer: Trainer,
    fresh: bool,
    hooks: Sequence[Hook],
    notify: Callable[[str], None],
) -> Run:
    folder = RunFolder(path, experiment.hash)
    identity = {"id": experiment.hash[: names.DIGITS], "hash": experiment.hash, "seed": experiment.config["seed"]}
    recording = Recording(folder, identity)
    recorder = Recorder([recording], experiment.checkpoint_seconds)
    with recorder.listening(), folder.hold():
        if fresh:
            folder.reset()
        elif reading.read_result(path) is not None:
            return _reused(path)  # another process finished it while this one loaded the data
        with exact():  # as training sees it: BLAS at one thread
            described = environment.describe()
        env = {**described, "folder": str(experiment.folder), "threads": pool.threads}
        plugins = [plugin.path for plugin in experiment.plugins]
        warnings = folder.create(to_yaml(experiment.config), env, plugins, experiment.decisive)
        checkpoint, more = folder.resume()
        for warning in [*warnings, *more]:
            notify(warning)
        if checkpoint is not None:
            try:
                trainer.restore([checkpoint.state])
            except (KeyError, ValueError) as error:
                raise DamagedError(
                    f"{path}: the checkpoint does not fit the configuration: {error}; --fresh starts anew"
                ) from error
            recording.lines = len(folder.metrics())
            notify(f"{path}: goes on after {trainer.t:,} steps, in epoch {trainer.epoch + 1}")
        run_loop(trainer, [recorder, *hooks])
    return read(path)


def _warn(message: str) -> None:
    print(f"dltricks: {message}", file=sys.stderr)
