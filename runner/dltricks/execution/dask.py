"""Tasks on the workers of a Dask cluster that somebody else runs, each trained by a process of its own there.

The run folders on shared storage decide what is done. So a task that Dask begins a second time, its worker having died,
finds finished runs finished and goes on with the others from their checkpoints.
"""

from __future__ import annotations

import json
import logging
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dltricks.core.errors import ClusterError, UsageError
from dltricks.execution.dask_worker import NOT_BEGUN, TOPIC, train_in_child, versions
from dltricks.execution.events import Ended, Failed, Lost, Notice, Stopped, decode, encode
from dltricks.execution.executor import Executor, Report
from dltricks.execution.task import Task
from dltricks.runs import files

SURPLUS = 2
"""Tasks for each thread of the cluster: while one is trained, the next is on its way."""
LOOK_SECONDS = 2.0
"""Between two looks at the cluster's size."""
STOP_SECONDS = 60.0
"""How long a worker may take to save what it trains."""


@dataclass
class _Pending:
    """A task that was submitted and has no last event."""

    task: Task
    future: Any = None
    worker: str | None = None
    """Where it is trained, once it is."""
    heard: set[int | str] = field(default_factory=set)
    """Runs whose end was reported, and notices; a second execution, or its result, may say them again."""


@dataclass(frozen=True)
class _Message:
    """What a worker says of a task, or, without ``lines``, that its future is done."""

    key: str
    lines: Sequence[str] | None = None
    last: bool = False
    worker: str = ""


def _client_class() -> Callable[..., Any]:
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            f'the dask executor needs Dask, which is not installed: pip install "dltricks[dask]" ({error})'
        ) from error

    # The type checker does not look into extras, and warns of a base class that it does not know.
    class Client(distributed.Client):  # type: ignore[misc]
        """Does not wait for the garbage collector where it cannot start: closing itself there may deadlock."""

        def start(self, **kwargs: Any) -> None:
            try:
                super().start(**kwargs)
            except BaseException:
                with suppress(OSError):
                    self.close(timeout=1)
                raise

    return Client


class DaskExecutor(Executor):
    """Trains on the workers of an existing scheduler."""

    def __init__(self, address: str, *, timeout: float = 10.0, patience: float = 60.0) -> None:
        """
        Args:
            address: of the scheduler, such as ``tcp://host:8786``.
            timeout: seconds to reach it.
            patience: seconds to wait for a first worker, and later for one where all have gone.

        Raises:
            UsageError: Dask is not installed, or the address is none.
            ClusterError: no scheduler answers there, it has no worker, or they have no dltricks.
        """
        connect = _client_class()
        # Of a connection that breaks our own message tells, without tracebacks.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._address, self._patience = address, patience
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._pending: dict[str, _Pending] = {}
        self._versions = versions()
        self._next_look = self._seen_workers = time.monotonic()
        self._stopping: tuple[int, float] | None = None
        try:
            self._client = connect(address, timeout=timeout, set_as_default=False)
        except OSError as error:
            raise ClusterError(f"{address}: no Dask scheduler answers there within {timeout:g} s") from error
        except (ValueError, TypeError) as error:  # the latter where there are no certificates for tls://
            raise UsageError(
                f"scheduler: found {address!r}, allowed: an address such as tcp://host:8786 ({error})"
            ) from error
        try:
            self._welcome()
        except BaseException:
            self.close()
            raise

    def _welcome(self) -> None:
        try:
            # Tasks pass through the scheduler, which has to know what they are made of.
            self._client.run_on_scheduler(versions)
            self._client.wait_for_workers(1, timeout=self._patience)
            answers = self._client.run(versions, on_error="return")
            workers = self._client.nthreads()
        except TimeoutError as error:
            raise ClusterError(f"{self._address}: no worker joined this scheduler in {self._patience:g} s") from error
        except OSError as error:
            raise self._gone() from error
        except ImportError as error:
            raise ClusterError(
                f'{self._address}: the scheduler has no dltricks ({error}); pip install "dltricks[dask]" there'
            ) from error
        if answers and all(isinstance(answer, Exception) for answer in answers.values()):
            worker, answer = next(iter(answers.items()))
            raise ClusterError(
                f"{self._address}: no worker has dltricks, for example {worker} ({type(answer).__name__}: {answer}); "
                'pip install "dltricks[dask]" there'
            )
        self._client.subscribe_topic(TOPIC, self._listen)
        self._resize(workers)

    def _gone(self) -> ClusterError:
        return ClusterError(
            f"{self._address}: the connection to the Dask scheduler was lost; the same command goes on from there"
        )

    # In the client's own thread, from here ...
    def _listen(self, event: tuple[float, Any]) -> None:
        said = event[1]
        self._inbox.put(_Message(said["key"], said["lines"], said["last"], said["worker"]))

    def _done(self, future: Any) -> None:
        self._inbox.put(_Message(future.key))

    # ... to here.

    def submit(self, task: Task) -> None:
        if not self._is_connected():
            raise self._gone()
        key = f"dltricks-{uuid.uuid4().hex}"
        pending = self._pending[key] = _Pending(task)
        pending.future = self._client.submit(
            train_in_child,
            json.dumps(task.to_json()),
            key,
            self._versions,
            _shared(task),
            key=key,
            pure=False,
            retries=0,
        )
        pending.future.add_done_callback(self._done)

    def wait(self, report: Report, seconds: float) -> None:
        with suppress(queue.Empty):
            message = self._inbox.get(timeout=seconds)
            while True:
                self._hear(message, report)
                message = self._inbox.get_nowait()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._look(report)

    def _hear(self, message: _Message, report: Report) -> None:
        pending = self._pending.get(message.key)
        if pending is None:  # another command's, or answered already
            return
        if message.lines is not None:
            pending.worker = message.worker
            self._report(message.key, message.lines, message.last, report)
        elif self._stopping is None:
            self._fetch(message.key, pending.future, report)

    def _fetch(self, key: str, future: Any, report: Report) -> None:
        """Takes a task's answer from its future, where it has not come as a message."""
        from distributed import KilledWorker

        try:
            lines = future.result(timeout=LOOK_SECONDS)
        except KilledWorker as error:
            died = error.allowed_failures + 1
            reason = f"{died} Dask workers died while they trained it, the last of them {error.last_worker.address}"
            lines = [encode(Lost(reason))]
        except Exception as error:
            if not self._is_connected():
                raise self._gone() from error
            if isinstance(error, TimeoutError) and future.status != "error":
                # The worker died before the answer was fetched, and Dask began the task anew.
                future.add_done_callback(self._done)
                return
            lines = [encode(Lost(f"on a Dask worker, {type(error).__name__}: {error}"))]
        self._report(key, lines, True, report)

    def _report(self, key: str, lines: Iterable[str], last: bool, report: Report) -> None:
        pending = self._pending[key]
        if last:
            del self._pending[key]
        for line in lines:
            event = decode(line)
            if isinstance(event, (Ended, Failed, Notice)):
                mark = event.message if isinstance(event, Notice) else event.run
                if mark in pending.heard:
                    continue
                pending.heard.add(mark)
            report(pending.task, event)

    def _look(self, report: Report) -> None:
        """Sees whether the cluster is there, and how large."""
        if not self._is_connected():
            raise self._gone()
        try:
            workers = self._client.nthreads()
        except OSError as error:
            raise self._gone() from error
        self._resize(workers)
        now = time.monotonic()
        if self._stopping is not None:
            self._give_up_waiting(set(workers), now, report)
        elif workers:
            self._seen_workers = now
        elif now - self._seen_workers > self._patience:
            raise ClusterError(
                f"{self._address}: this scheduler has had no workers for {self._patience:g} s; "
                "the same command goes on from there"
            )

    def _is_connected(self) -> bool:
        return bool(self._client.status == "running")

    def _resize(self, workers: dict[str, int]) -> None:
        self.slots = max(1, SURPLUS * sum(workers.values()))

    def stop(self, number: int) -> None:
        self._stopping = number, time.monotonic()
        self._next_look = 0.0
        # A worker that finds its task cancelled stops the process that trains, and answers by a message.
        self._cancel()

    def _cancel(self) -> None:
        futures = [pending.future for pending in self._pending.values() if pending.future is not None]
        with suppress(OSError, RuntimeError):
            self._client.cancel(futures)

    def _give_up_waiting(self, workers: set[str], now: float, report: Report) -> None:
        """Ends tasks from which no answer will come."""
        assert self._stopping is not None
        number, since = self._stopping
        for key, pending in list(self._pending.items()):
            if pending.worker is None:
                message = NOT_BEGUN.message
            elif pending.worker not in workers or now - since > STOP_SECONDS:
                message = f"stopped, and {pending.worker} did not answer; the same command goes on from there"
            else:
                continue
            self._report(key, [encode(Stopped(number, message))], True, report)

    def close(self) -> None:
        self._cancel()
        self._pending.clear()
        with suppress(OSError, RuntimeError, TimeoutError):
            self._client.close(timeout=2)


def _shared(task: Task) -> list[str]:
    """Makes and names what a worker must see as well if it is to write where this process reads."""
    seen = []
    for group in dict.fromkeys(run.path.absolute().parent for run in task.runs):
        files.make_lasting_folder(group)
        study = group / "study.json"
        seen.append(str(study if study.exists() else group))
    return seen
