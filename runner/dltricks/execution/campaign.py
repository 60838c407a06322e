"""Brings all tasks of a plan to their end on some executor: the queue, second attempts, and what fails for good."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from dltricks.core.errors import StoppedError
from dltricks.execution.events import Ended, Event, Failed, Finished, Lost, Stopped
from dltricks.execution.executor import Executor
from dltricks.execution.task import Task, cut
from dltricks.runs.signals import Signals

ATTEMPTS = 3
"""A run that is lost is tried again, at most twice."""
AGAIN_SECONDS = 2.0
"""How long to wait before another attempt where someone else trains a run, or the disk has refused."""
_TRIED_AGAIN = ("LockedError", "FileSystemError")
"""Failures that may be over with the next attempt, or be another run's of the stack."""
_TICK = 0.2


class Observer(Protocol):
    """Watches a campaign."""

    def started(self, task: Task) -> None:
        """A task has begun."""

    def report(self, task: Task, event: Event) -> None:
        """Something has happened in a task."""


class Campaign:
    """One pass over the tasks of a plan."""

    def __init__(self, tasks: Sequence[Task], executor: Executor, observer: Observer, signals: Signals) -> None:
        self._waiting: list[tuple[float, Task]] = [(0.0, task) for task in tasks]
        self._executor, self._observer, self._signals = executor, observer, signals
        self._running: dict[int, tuple[Task, set[int], set[int]]] = {}
        """By identity, each submitted task, the numbers of its runs that have not ended, and of those to try again."""
        self._left = False
        """Whether a task was left unfinished after a signal."""
        self.failures: dict[int, Failed] = {}
        """What failed for good, by the run's number."""

    def conduct(self) -> None:
        """Trains everything.

        Raises:
            StoppedError: after a signal; what was running has been saved.
        """
        told = False
        with self._signals.listening():
            while self._running or (self._waiting and self._signals.number is None):
                if self._signals.number is not None and not told:
                    told = True
                    self._executor.stop(self._signals.number)
                self._submit()
                self._executor.wait(self._hear, _TICK)
        number = self._signals.number
        if number is not None and (self._waiting or self._left):
            name = signal.Signals(number).name
            raise StoppedError(f"stopped by {name}; the same command goes on from there", number)

    def _submit(self) -> None:
        now = time.monotonic()
        ready = [each for each in self._waiting if each[0] <= now]
        while ready and len(self._running) < self._executor.slots and self._signals.number is None:
            each = ready.pop(0)
            self._waiting.remove(each)
            task = each[1]
            self._running[id(task)] = task, {run.number for run in task.runs}, set()
            self._executor.submit(task)
            self._observer.started(task)

    def _hear(self, task: Task, event: Event) -> None:
        if id(task) not in self._running:
            return
        left = self._running[id(task)][1]
        if isinstance(event, Ended):
            left.discard(event.run)
        elif isinstance(event, Failed):
            left.discard(event.run)
            if event.error in _TRIED_AGAIN and task.attempt < ATTEMPTS:
                self._running[id(task)][2].add(event.run)
                return
            self.failures[event.run] = event
        elif isinstance(event, (Finished, Stopped, Lost)):
            again = self._running.pop(id(task))[2]
            if again:
                self._again(task, again, AGAIN_SECONDS)
            if not isinstance(event, Finished) and self._signals.number is None:
                # Of a process that somebody else stopped, the runs are as lost as those of one that was killed.
                self._lose(task, left, event.reason if isinstance(event, Lost) else event.message)
            elif not isinstance(event, Finished):
                self._left = True
        self._observer.report(task, event)

    def _lose(self, task: Task, left: set[int], reason: str) -> None:
        if left and task.attempt < ATTEMPTS:
            self._again(task, left)
            return
        for run in task.runs:
            if run.number in left:
                failed = Failed(run.number, "Lost", f"{run.path}: {reason}, {ATTEMPTS} times", 1)
                self.failures[run.number] = failed
                self._observer.report(task, failed)

    def _again(self, task: Task, numbers: set[int], pause: float = 0.0) -> None:
        """Queues runs anew, first in halves and then one by one, so that one that cannot be trained ends alone."""
        runs = [run for run in task.runs if run.number in numbers]
        pieces = 2 if task.attempt == 1 else len(runs)
        for part in cut(runs, pieces):
            again = replace(task, runs=tuple(part), attempt=task.attempt + 1)
            self._waiting.append((time.monotonic() + pause, again))
