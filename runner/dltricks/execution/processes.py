"""Worker processes on this machine, each of which trains one task at a time on threads of its own."""

from __future__ import annotations

import json
import os
import queue
import tempfile
import threading
from contextlib import suppress

from dltricks.core.refusals import refusal
from dltricks.execution.data import Prepared
from dltricks.execution.events import Event, Finished, Lost, Stopped, decode
from dltricks.execution.executor import Executor, Report
from dltricks.execution.launch import start
from dltricks.execution.task import Task

Inbox = queue.SimpleQueue[tuple["Child", Event | None]]


PATIENCE = 5.0
"""Seconds that a process has to end after its last word."""


class Child:
    """A process of ``child.py``, whose events arrive in an inbox; None is the last of them."""

    def __init__(self, inbox: Inbox, threads: int = 1, prepared: Prepared | None = None) -> None:
        """
        Args:
            inbox: where the events go, once ``listen`` was called.
            threads: what large products may use.
            prepared: what the process need not load or resolve again, where that can be.
        """
        self.task: Task | None = None
        self.leaving = False
        """Whether it was stopped, by whomever, and takes no further task."""
        self._inbox = inbox
        # Not a pipe that someone would have to empty; only the last of it is of interest.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = start(threads, self._errors, prepared)

    def listen(self) -> None:
        """Lets the events arrive, from a thread of their own."""
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, task: Task) -> None:
        """Begins a task; the one before must have ended."""
        self.task = task
        with suppress(OSError):  # it has gone, which the end of its events tells
            self._process.tasks.write(json.dumps(task.to_json()).encode() + b"\n")
            self._process.tasks.flush()

    def stop(self) -> None:
        """Lets it save and leave."""
        with suppress(OSError):
            self._process.tasks.close()

    def close(self) -> None:
        """Ends it at once. An idle one has nothing to lose, and one at work continues from its checkpoints."""
        self._process.kill()
        self._process.wait()
        self.stop()
        self._errors.close()

    def farewell(self) -> str:
        """How the process ended, with the last line that it wrote to stderr."""
        code = self._process.wait(PATIENCE)
        if code is None:  # it says nothing more and does not leave
            self._process.kill()
            code = self._process.wait() or 0
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")

    def _listen(self) -> None:
        with self._process.events as lines:
            for line in lines:
                with suppress(ValueError):  # cut off by the end of the process
                    self._inbox.put((self, decode(line)))
        self._inbox.put((self, None))


class ProcessExecutor(Executor):
    """Up to ``slots`` worker processes, started when they are needed and kept for further tasks."""

    def __init__(self, workers: int, threads: int = 1, prepared: Prepared | None = None) -> None:
        """
        Args:
            workers: how many processes.
            threads: what each of them may use for large products.
            prepared: what this process has, which they need not load or resolve again where that can be.
        """
        self.slots, self._threads, self._prepared = workers, threads, prepared
        self._inbox: Inbox = queue.SimpleQueue()
        self._children: list[Child] = []

    def submit(self, task: Task) -> None:
        idle = next((child for child in self._children if child.task is None and not child.leaving), None)
        if idle is None:
            # The first ones all at once, before a thread listens to any of them: see ``launch``.
            missing = 1 if self._children else self.slots
            before = len(self._children)
            try:
                for _ in range(missing):
                    self._children.append(Child(self._inbox, self._threads, self._prepared))
            except OSError as error:
                if len(self._children) == before:
                    raise refusal("cannot start a process", error) from error
            for child in self._children[before:]:
                child.listen()
            idle = self._children[before]
        idle.send(task)

    def wait(self, report: Report, seconds: float) -> None:
        try:
            child, event = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return
        while True:
            self._hear(child, event, report)
            try:
                child, event = self._inbox.get_nowait()
            except queue.Empty:
                return

    def _hear(self, child: Child, event: Event | None, report: Report) -> None:
        task = child.task
        if event is None:
            self._children.remove(child)
            reason = child.farewell()
            child.task = None
            child.close()
            if task is not None:
                report(task, Lost(reason))
            return
        if isinstance(event, (Finished, Stopped, Lost)):
            child.task = None
            child.leaving = isinstance(event, Stopped)
        if task is not None:
            report(task, event)

    def stop(self, number: int) -> None:
        for child in self._children:
            child.stop()

    def close(self) -> None:
        for child in self._children:
            child.close()
        self._children.clear()
