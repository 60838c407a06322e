"""Trains one stack of a plan that was written as a manifest, as an array job of a cluster does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dltricks.api.lab import Notify, Silent, View
from dltricks.api.session import PathLike, Run, use_threads, warn
from dltricks.api.study import fail, headline
from dltricks.core.errors import DltricksError
from dltricks.execution import manifest as manifests
from dltricks.execution.campaign import Campaign
from dltricks.execution.data import Datasets
from dltricks.execution.events import Failed
from dltricks.execution.packing import Plan
from dltricks.execution.serial import SerialExecutor
from dltricks.execution.task import Task
from dltricks.runs import reading
from dltricks.runs.signals import Signals


def worker(
    manifest: PathLike,
    index: int,
    *,
    threads: int | None = None,
    quiet: bool = True,
    view: View | None = None,
    notify: Notify | None = None,
) -> list[Run]:
    """Trains stack number ``index`` of a manifest, from wherever an earlier attempt left it.

    Args:
        manifest: what ``plan`` wrote.
        index: counted from 0.
        threads: how many threads large networks use (all cores by default); results do not depend on it.
        quiet: whether a download shows no progress bar.
        view: watches the training.
        notify: is told warnings where there is no view; by default they go to stderr.

    Returns:
        The runs of the stack.

    Raises:
        UsageError: no such manifest or stack.
        SomeFailedError: some of the runs failed; the others have ended.
        StoppedError: a signal ended training; the same call goes on.
    """
    failures: list[Failed] = []

    def refused(number: int, error: DltricksError) -> None:
        failures.append(Failed(number, type(error).__name__, str(error), error.exit_code))

    values = manifests.load(Path(manifest), index)
    task = Task.from_json(values, refused)
    # Numbers are places in a plan, which here is that of this stack alone.
    task = replace(task, runs=tuple(replace(run, number=number) for number, run in enumerate(task.runs)))
    use_threads(threads)
    signals, view = Signals(), view or Silent(notify or warn)
    if task.runs:
        metric = headline([run.experiment.recipe for run in task.runs])
        view.planned(Plan(task.runs, {}, (), (task,), 1, 0.0), metric)
        try:
            executor = SerialExecutor(signals, Datasets(task.data_dir, quiet=quiet))
            campaign = Campaign([task], executor, view, signals)
            campaign.conduct()
        finally:
            view.ended()
        failures += campaign.failures.values()
    fail(failures, len(values["runs"]))
    results = [(run.path, reading.read_result(run.path)) for run in task.runs]
    return [Run(path, result) for path, result in results if result is not None]
