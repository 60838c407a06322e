"""Worker processes on this machine, each of which trains one task at a time on threads of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import dltricks
from dltricks.execution.events import Event, Finished, Lost, Stopped, decode
from dltricks.execution.executor import Executor, Report
from dltricks.execution.task import Task

ROOT = Path(dltricks.__file__).parent.parent
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
Inbox = queue.SimpleQueue[tuple["Child", Event | None]]


class Child:
    """A process of ``child.py``, whose events arrive in an inbox; None is the last of them."""

    def __init__(self, inbox: Inbox, threads: int = 1) -> None:
        """
        Args:
            inbox: where the events go.
            threads: what large products may use.
        """
        self.task: Task | None = None
        self._inbox = inbox
        # Not a pipe that someone would have to empty; only the last of it is of interest.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dltricks.execution.child", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": path},
            # Ctrl-C reaches the whole group of the terminal; who started us decides what is done about it.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, task: Task) -> None:
        """Begins a task; the one before must have ended."""
        self.task = task
        assert self._process.stdin is not None
        with suppress(OSError):  # it has gone, which the end of its events tells
            self._process.stdin.write(json.dumps(task.to_json()).encode() + b"\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """Lets it save and leave."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """Ends it at once. An idle one has nothing to lose, and one at work continues from its checkpoints."""
        self.stop()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def farewell(self) -> str:
        """How the process ended, with the last line that it wrote to stderr."""
        code = self._process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):  # cut off by the end of the process
                self._inbox.put((self, decode(line)))
        self._inbox.put((self, None))


class ProcessExecutor(Executor):
    """Up to ``slots`` worker processes, started when they are needed and kept for further tasks."""

    def __init__(self, workers: int, threads: int = 1) -> None:
        """
        Args:
            workers: how many processes.
            threads: what each of them may use for large products.
        """
        self.slots, self._threads = workers, threads
        self._inbox: Inbox = queue.SimpleQueue()
        self._children: list[Child] = []

    def warm(self) -> None:
        """Starts all processes, whose imports then go on beside what this one does."""
        while len(self._children) < self.slots:
            self._children.append(Child(self._inbox, self._threads))

    def submit(self, task: Task) -> None:
        idle = next((child for child in self._children if child.task is None), None)
        if idle is None:
            idle = Child(self._inbox, self._threads)
            self._children.append(idle)
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
        if task is not None:
            report(task, event)

    def stop(self, number: int) -> None:
        for child in self._children:
            child.stop()

    def close(self) -> None:
        for child in self._children:
            child.close()
        self._children.clear()
