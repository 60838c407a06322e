"""What runs on a worker of a Dask cluster: one process for one task, whose events go to the client."""

from __future__ import annotations

import json
import queue
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dltricks
from dltricks.core.errors import DltricksError, FileSystemError, UsageError
from dltricks.execution.events import Ended, Event, Failed, Finished, Lost, Notice, Progress, Stopped, encode
from dltricks.execution.processes import Child, Inbox
from dltricks.execution.task import Task
from dltricks.runs import lock

TOPIC = "dltricks"
"""Under which workers tell of their tasks. One for all, since a scheduler never forgets a topic."""
PROGRESS_SECONDS = 1.0
"""Between two messages about a task's progress."""
LOCK_SECONDS = 30.0
"""How long a task waits for a run that is still locked by the process of a worker that died."""
SHARED_SECONDS = 10.0
"""How long a network file system may take to show a new folder."""
_PAUSE = 0.25

Versions = dict[str, str]
NOT_BEGUN = Stopped(signal.SIGTERM, "stopped before it began; the same command begins it")


def versions() -> Versions:
    """What has to be the same everywhere, since the bytes of a run may depend on it."""
    return {"dltricks": dltricks.__version__, "numpy": version("numpy")}


@dataclass(frozen=True)
class _Sent(Task):
    """A task as it came, which only the process that trains it understands."""

    values: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return self.values


def train_in_child(text: str, key: str, expected: Versions, shared: Sequence[str]) -> list[str]:
    """Trains a task in a new process beside the Dask worker.

    Its events are sent as messages, and those that matter are the result too, so that none is lost with a message.

    Args:
        text: the task as JSON.
        key: of the task on the scheduler.
        expected: the client's versions.
        shared: paths that the client sees.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()

    def tell(events: Iterable[Event], *, last: bool = False) -> None:
        lines = [encode(event) for event in events]
        worker.log_event(TOPIC, {"key": key, "worker": worker.address, "lines": lines, "last": last})

    def is_abandoned() -> bool:
        """Whether nobody waits for this task any more: it was cancelled, its client died, or this worker closes."""
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled" or worker.status.name not in ("running", "paused")

    tell([])
    values = json.loads(text)
    runs = values["runs"]
    problem = _problem(worker.address, expected, shared)
    if problem is not None:
        error = type(problem).__name__, str(problem), problem.exit_code
        answer: list[Event] = [*(Failed(run["number"], *error) for run in runs), Finished()]
    elif not _wait_for_locks([Path(run["path"]) for run in runs], is_abandoned):
        answer = [NOT_BEGUN]
    else:
        answer = _train(values, worker.address, tell, is_abandoned)
    if isinstance(answer[-1], Stopped) and not is_abandoned():
        # Not the client but the machine ended it, as before maintenance: another worker may go on.
        raise Reschedule
    # Of a first execution whose worker dies later, failures must not be heard: the second may not meet them.
    tell([event for event in answer if not isinstance(event, (Ended, Notice))], last=True)
    return [encode(event) for event in answer]


def _train(
    values: dict[str, Any], address: str, tell: Callable[[Iterable[Event]], None], is_abandoned: Callable[[], bool]
) -> list[Event]:
    """All events but progress, as one process yields them."""
    inbox: Inbox = queue.SimpleQueue()
    child = Child(inbox)
    child.listen()
    answer: list[Event] = []
    stopped, due = False, 0.0
    try:
        child.send(_Sent((), values=values))
        while True:
            if not stopped and is_abandoned():
                stopped = True
                child.stop()
            try:
                event = inbox.get(timeout=_PAUSE)[1]
            except queue.Empty:
                continue
            if isinstance(event, Progress):
                if time.monotonic() >= due:
                    due = time.monotonic() + PROGRESS_SECONDS
                    tell([event])
                continue
            if event is None:
                event = NOT_BEGUN if stopped else Lost(f"on {address}, {child.farewell()}")
            answer.append(event)
            if isinstance(event, (Finished, Stopped, Lost)):
                child.task = None  # it has no work left to be killed for
                return answer
            if isinstance(event, (Ended, Notice)):
                tell([event])
    finally:
        child.close()


def _problem(address: str, expected: Versions, shared: Sequence[str]) -> DltricksError | None:
    """Why this worker must not train for that client."""
    found = versions()
    if found != expected:
        here, there = (", ".join(f"{k} {v}" for k, v in each.items()) for each in (found, expected))
        return UsageError(f"{address}: this worker has {here}, while the command runs with {there}; install the same")
    deadline = time.monotonic() + SHARED_SECONDS
    for path in shared:
        while not Path(path).exists():
            if time.monotonic() >= deadline:
                return FileSystemError(
                    f"{address}: this worker does not see {path}; --runs-dir must be on storage that all share"
                )
            time.sleep(_PAUSE)
    return None


def _wait_for_locks(paths: Sequence[Path], is_abandoned: Callable[[], bool]) -> bool:
    """Waits until the process of a worker that died has let go; False if there is no one to train for any more."""
    deadline = time.monotonic() + LOCK_SECONDS
    while not is_abandoned():
        # One that stays locked is another command's, which the process that trains will say.
        if time.monotonic() >= deadline or not any(lock.is_held(path) for path in paths):
            return True
        time.sleep(_PAUSE)
    return False
