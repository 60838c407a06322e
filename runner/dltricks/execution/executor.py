"""The interface of whatever trains tasks: this process, others beside it, or a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from dltricks.execution.events import Event
from dltricks.execution.task import Task

Report = Callable[[Task, Event], None]


class Executor(ABC):
    """Trains up to ``slots`` tasks at once.

    Each task that is submitted is answered by events, the last of which is ``Finished``, ``Stopped`` or ``Lost``.
    An executor neither queues nor repeats: that is for ``campaign``.
    """

    slots: int
    """How many tasks may be submitted and unfinished."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Begins a task.

        Raises:
            ClusterError: there is nothing to begin it on.
        """

    @abstractmethod
    def wait(self, report: Report, seconds: float) -> None:
        """Reports what has happened since, in the calling thread; returns after some event or ``seconds``."""

    @abstractmethod
    def stop(self, number: int) -> None:
        """Hands a signal on: all tasks save what they have and end with ``Stopped``."""

    @abstractmethod
    def close(self) -> None:
        """Ends whatever still runs, at once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
