"""One task after another, in this process."""

from __future__ import annotations

import time

from dltricks.core.errors import StoppedError
from dltricks.execution.data import Datasets
from dltricks.execution.events import Finished, Lost, Stopped
from dltricks.execution.executor import Executor, Report
from dltricks.execution.stack import train_stack
from dltricks.execution.task import Task
from dltricks.runs.signals import Signals


class SerialExecutor(Executor):
    """Trains while ``wait`` is called."""

    slots = 1

    def __init__(self, signals: Signals, datasets: Datasets) -> None:
        """
        Args:
            signals: looked at after each step.
            datasets: the process's data.
        """
        self._signals, self._datasets = signals, datasets
        self._task: Task | None = None

    def submit(self, task: Task) -> None:
        self._task = task

    def wait(self, report: Report, seconds: float) -> None:
        task, self._task = self._task, None
        if task is None:
            time.sleep(seconds)
            return
        try:
            train_stack(task.runs, lambda event: report(task, event), self._signals, self._datasets)
        except StoppedError as error:
            report(task, Stopped(error.exit_code - 128, str(error)))
        except Exception as error:
            report(task, Lost(f"{type(error).__name__}: {error}"))
        else:
            report(task, Finished())

    def stop(self, number: int) -> None:
        """Nothing is to be done: who trains looks at the signals itself."""

    def close(self) -> None:
        """Nothing is left running."""
