"""Trains one stack of runs in this process, each into a run folder of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, DltricksError, FileSystemError, StoppedError, UsageError
from dltricks.core.parallel import pool
from dltricks.core.refusals import refusal
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train as run_loop
from dltricks.engine.numerics import exact
from dltricks.engine.state import State
from dltricks.engine.trainer import Trainer
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Failed, Notice, Progress
from dltricks.execution.task import PlannedRun, cut
from dltricks.experiment.resolve import Experiment, to_yaml
from dltricks.runs import checkpoint, environment, files, names, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.recorder import Recorder, Recording
from dltricks.runs.signals import Signals

PAUSE = 0.25
"""Seconds between two reports of progress."""

Tell = Callable[[Event], None]


@dataclass
class _Opened:
    """A run whose folder is held."""

    run: PlannedRun
    recording: Recording
    state: State | None
    """Where its last checkpoint left it."""
    lock: ExitStack = field(default_factory=ExitStack)
    steps: int = 0
    """Those that the state has behind it, as its checkpoint is numbered."""


def build(experiments: Sequence[Experiment], datasets: Datasets) -> Trainer:
    """The experiments as one stack, with their first weights.

    Raises:
        UsageError, DamagedError: data or parts that cannot be trained together.
    """
    datas = [datasets.load(experiment) for experiment in experiments]
    try:
        return Trainer([experiment.recipe for experiment in experiments], datas)
    except (MemoryError, ValueError) as error:
        # numpy has no class of its own for sizes that not even an address could hold.
        if isinstance(error, ValueError) and "too big" not in str(error) and "Maximum allowed" not in str(error):
            raise
        raise UsageError(f"architecture: there is not enough memory for a network of this size ({error})") from error


def train_stack(
    runs: Sequence[PlannedRun], tell: Tell, signals: Signals, datasets: Datasets, hooks: Sequence[Hook] = ()
) -> None:
    """Trains the runs to their ends, from where their checkpoints left them.

    Args:
        runs: of one stack (see ``packing``); those that another process finished meanwhile are only reported.
        tell: hears ``Ended`` or ``Failed`` of every run, and of progress.
        signals: looked at after each step.
        datasets: the process's data.
        hooks: called by the training loop after those that record.

    Raises:
        StoppedError: a signal ended training; checkpoints are written.
    """
    try:
        # Before any folder exists: what cannot be built leaves nothing behind.
        trainer = build([run.experiment for run in runs], datasets)
    except (DltricksError, OSError) as error:
        if len(runs) == 1:
            _fail(runs, error, tell)
        else:  # such as one seed's training part, or too little memory: others can be trained all the same
            for part in cut(runs, 2):
                train_stack(part, tell, signals, datasets, hooks)
        return
    with signals.listening(), ExitStack() as locks:
        opened = []
        with exact():  # as training sees it: BLAS at one thread
            env = {**environment.describe(), "threads": pool.threads}
        at_most, above = _common_checkpoint(runs), list[Path]()
        for run in runs:
            lock = locks.enter_context(ExitStack())
            try:
                found = _open(run, lock, env, at_most, above, tell)
            except (DltricksError, OSError) as error:
                lock.close()
                _fail([run], error, tell)
            else:
                if found is not None:
                    opened.append(found)
        before = len(runs) - len(opened)
        for steps in sorted({each.steps for each in opened}):
            group = [each for each in opened if each.steps == steps]
            watch = _Watch(tell, before / len(runs), len(group) / len(runs))
            _train(group, trainer if len(group) == len(runs) else None, watch, signals, datasets, hooks)
            before += len(group)


def _fail(runs: Sequence[PlannedRun], error: DltricksError | OSError, tell: Tell) -> None:
    if isinstance(error, OSError):  # wherever it comes from, as from an import that met too many open files
        error = refusal(error.filename or "this process", error)
    for run in runs:
        tell(Failed(run.number, type(error).__name__, str(error), error.exit_code))


def _common_checkpoint(runs: Sequence[PlannedRun]) -> float:
    """The newest checkpoint that all have, so that they go on as one stack; infinity where there is none."""
    numbers = []
    for run in runs:
        with suppress(FileSystemError):  # of which its opening will tell
            numbers.append(set(checkpoint.numbers(run.path / reading.CHECKPOINTS)))
    return max(set.intersection(*numbers) if numbers else (), default=float("inf"))


def _open(
    run: PlannedRun, lock: ExitStack, env: Mapping[str, Any], at_most: float, above: list[Path], tell: Tell
) -> _Opened | None:
    """Takes a run's folder and finds where it goes on; None where it has been finished meanwhile."""
    experiment = run.experiment
    folder = RunFolder(run.path, experiment.hash, above)
    lock.enter_context(folder.hold())
    result = reading.read_result(run.path)
    if result is not None:
        reading.verify(run.path)
        lock.close()
        tell(Ended(run.number, result, reused=True))
        return None
    plugins = [plugin.path for plugin in experiment.plugins]
    folder.create(to_yaml(experiment.config), plugins, experiment.decisive)
    if experiment.files or plugins:
        _tell_of_change(run, tell)
    found, warnings = folder.resume({**env, "folder": str(experiment.folder)}, at_most)
    for warning in warnings:
        tell(Notice(warning))
    recording = Recording(folder, _identity(run), lines=len(folder.metrics()))
    return _Opened(run, recording, found.state if found else None, lock, found.number if found else 0)


def _tell_of_change(run: PlannedRun, tell: Tell) -> None:
    """Content that has changed makes another run; whoever did not mean to change it should hear of that."""
    if checkpoint.numbers(run.path / reading.CHECKPOINTS):
        return
    config = to_yaml(run.experiment.config).encode()
    for other in names.alike(run.path):
        with suppress(DltricksError):  # it is not about that one
            if bytes(files.read(other / reading.CONFIG, reading.LARGEST_CONFIG) or b"") == config:
                what = ", ".join([*run.experiment.files, *(str(plugin.path) for plugin in run.experiment.plugins)])
                tell(Notice(f"{run.path}: another run than {other}, since which {what} changed"))
                return


def _identity(run: PlannedRun) -> dict[str, Any]:
    config_hash, seed = run.experiment.hash, run.experiment.config["seed"]
    identity = {"id": config_hash[: names.DIGITS], "hash": config_hash, "seed": seed}
    return identity | ({"role": run.role} if run.role else {})


@dataclass(frozen=True)
class _Watch:
    """Who hears of a group of runs, and what part of the task it is."""

    tell: Tell
    begin: float
    part: float


def _train(
    group: Sequence[_Opened],
    trainer: Trainer | None,
    watch: _Watch,
    signals: Signals,
    datasets: Datasets,
    hooks: Sequence[Hook],
) -> None:
    """Trains runs that are at the same step."""
    runs = [each.run for each in group]
    trainer = trainer or build([run.experiment for run in runs], datasets)
    states = [each.state for each in group if each.state is not None]
    if states:
        try:
            trainer.restore(states)
        except (KeyError, ValueError) as error:
            if len(group) > 1:  # one of them, which the others need not suffer from
                part = watch.part / len(group)
                for i, each in enumerate(group):
                    single = _Watch(watch.tell, watch.begin + i * part, part)
                    _train([each], None, single, signals, datasets, hooks)
                return
            damage = f"{runs[0].path}: the checkpoint does not fit the configuration: {error}; --fresh starts anew"
            _fail(runs, DamagedError(damage), watch.tell)
            return
        where = runs[0].path if len(runs) == 1 else f"{len(runs)} runs, of which the first is {runs[0].path}"
        verb = "goes" if len(runs) == 1 else "go"
        watch.tell(Notice(f"{where}: {verb} on after {trainer.t:,} steps, in epoch {trainer.epoch + 1}"))
    seconds = min(run.experiment.checkpoint_seconds for run in runs)
    recorder = Recorder([each.recording for each in group], seconds, signals)
    try:
        run_loop(trainer, [recorder, _Reporter(group, recorder, watch), *hooks])
    except StoppedError:
        raise
    except (DltricksError, OSError) as error:
        _fail([each.run for each in group if not each.recording.done], error, watch.tell)


class _Reporter(Hook):
    """Tells of progress and ends, and lets go of the folders of runs that have ended."""

    def __init__(self, group: Sequence[_Opened], recorder: Recorder, watch: _Watch) -> None:
        self.group, self.recorder, self.watch = group, recorder, watch
        self.told = [False] * len(group)

    def on_train_begin(self, run: Trainer) -> None:
        self.due = self.began = time.monotonic()
        self.first, self.steps_done = run.t, 0

    def on_step_end(self, run: Trainer) -> None:
        self.steps_done += len(run.numbers)
        now = time.monotonic()
        if now >= self.due:
            self.due = now + PAUSE
            self._progress(run, now)

    def on_epoch_end(self, run: Trainer) -> None:
        for number, result in enumerate(self.recorder.results):
            if result is not None and not self.told[number]:
                self.told[number] = True
                self.group[number].lock.close()
                self.watch.tell(Ended(self.group[number].run.number, result))

    def _progress(self, run: Trainer, now: float) -> None:
        epochs = run.recipes[0].epochs
        running = int(run.alive.sum())
        ended = len(self.group) - running
        share = (ended + running * run.t / (epochs * run.steps)) / len(self.group)
        rate = self.steps_done / max(1e-9, now - self.began)
        share = self.watch.begin + self.watch.part * share
        self.watch.tell(Progress(share, run.epoch + 1, epochs, running, rate))
