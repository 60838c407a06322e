"""A process that trains tasks for another: ``python -P -m dltricks.execution.child``.

Tasks come as lines of JSON on stdin, events go as lines of JSON to stdout. The end of stdin, which the death of whoever
started this process brings as well, means to save, to leave, and to train nothing more.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from dltricks.core.errors import DltricksError, StoppedError
from dltricks.core.parallel import pool
from dltricks.execution.data import Datasets, Prepared
from dltricks.execution.events import Event, Failed, Finished, Lost, Stopped, encode
from dltricks.execution.stack import train_stack
from dltricks.execution.task import Task
from dltricks.experiment.resolve import Experiment
from dltricks.runs.signals import Signals

TICK = 0.25
"""Seconds between two looks at signals while there is nothing to do."""


def serve(threads: int, prepared: Prepared | None = None) -> None:
    """Trains what comes until stdin ends.

    Args:
        threads: what large products may use.
        prepared: what there is already.
    """
    # What plugins print must not get between the events, and what they read must not be tasks.
    tasks, events = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    pool.resize(threads)
    signals = Signals()
    prepared = prepared or Prepared(Datasets(), {})
    loaded = {prepared.datasets.data_dir: prepared.datasets}
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks, lines, signals), daemon=True).start()
    with signals.listening():
        while signals.number is None:
            try:
                line = lines.get(timeout=TICK)
            except queue.Empty:
                continue  # an idle process obeys signals too
            if line is None:
                break
            _serve(line, events, signals, loaded, prepared.experiments)


def _read(tasks: IO[bytes], lines: queue.SimpleQueue[bytes | None], signals: Signals) -> None:
    try:
        for line in tasks:
            lines.put(line)
    finally:
        if signals.number is None:
            signals.number = signal.SIGTERM
        lines.put(None)


def _serve(
    line: bytes,
    events: IO[str],
    signals: Signals,
    loaded: dict[Path | None, Datasets],
    experiments: Mapping[str, Experiment],
) -> None:
    def tell(event: Event) -> None:
        with suppress(OSError):  # nobody listens any more, and the end of stdin will tell so
            events.write(encode(event) + "\n")

    def refused(number: int, error: DltricksError) -> None:
        tell(Failed(number, type(error).__name__, str(error), error.exit_code))

    try:
        task = Task.from_json(json.loads(line), refused, experiments)
        if task.runs:
            datasets = loaded.setdefault(task.data_dir, Datasets(task.data_dir))
            train_stack(task.runs, tell, signals, datasets)
        tell(Finished())
    except StoppedError as error:
        tell(Stopped(error.exit_code - 128, str(error)))
    except Exception as error:
        traceback.print_exc()
        tell(Lost(f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
