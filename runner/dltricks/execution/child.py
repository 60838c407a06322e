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
from pathlib import Path
from typing import IO

from dltricks.core.errors import DltricksError, StoppedError
from dltricks.core.parallel import pool
from dltricks.execution.data import Datasets
from dltricks.execution.events import Event, Failed, Finished, Lost, Stopped, encode
from dltricks.execution.stack import train_stack
from dltricks.execution.task import Task
from dltricks.runs.signals import Signals


def main() -> None:
    """Serves until stdin ends."""
    # What plugins print must not get between the events.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    pool.resize(int(sys.argv[1]))
    signals = Signals()
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines, signals), daemon=True).start()
    with signals.listening():
        while (line := lines.get()) is not None and signals.number is None:
            _serve(line, events, signals)


def _read(lines: queue.SimpleQueue[bytes | None], signals: Signals) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    if signals.number is None:
        signals.number = signal.SIGTERM
    lines.put(None)


_datasets: dict[Path | None, Datasets] = {}
"""What earlier tasks have loaded."""


def _serve(line: bytes, events: IO[str], signals: Signals) -> None:
    def tell(event: Event) -> None:
        events.write(encode(event) + "\n")

    def refused(number: int, error: DltricksError) -> None:
        tell(Failed(number, type(error).__name__, str(error), error.exit_code))

    try:
        task = Task.from_json(json.loads(line), refused)
        if task.runs:
            datasets = _datasets.setdefault(task.data_dir, Datasets(task.data_dir))
            train_stack(task.runs, tell, signals, datasets)
        tell(Finished())
    except StoppedError as error:
        tell(Stopped(error.exit_code - 128, str(error)))
    except Exception as error:
        traceback.print_exc()
        tell(Lost(f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    main()
