"""What a worker process answers, line by line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.shell import environment
from execution.plans import conduct, experiment, results, runs_of, seeds, tasks_of, write_fuse

from dltricks.execution.events import Ended, Event, Failed, Finished, Lost, Progress, Stopped, decode
from dltricks.execution.task import Task
from dltricks.runs import checkpoint, lock

LONG = {"epochs": 100_000}
# Its pipes stay open to the last: one thread may be reading from them.
WARNINGS = ("-W", "error", "-W", "ignore::ResourceWarning")
READER = '''\
"""Reader: a plugin that reads what is not for it."""
import os
import subprocess
import sys
from dataclasses import dataclass

from dltricks.core.augmentation import Augmentation


@dataclass
class Reader(Augmentation):
    """Changes nothing.

    Reference: none.
    """

    def apply(self, x, target, rng):
        os.write(1, b"written to stdout itself\\n")
        assert sys.stdin.read() == ""
        script = "import sys; assert sys.stdin.read() == ''; print('a child')"
        subprocess.run([sys.executable, "-c", script], check=True)
'''


class Child:
    """The process, with pipes at both ends."""

    def __init__(self, folder: Path) -> None:
        self.errors = folder / "errors"
        # One that says nothing fails the test instead of holding it up.
        self.watchdog = threading.Timer(60.0, lambda: self.process.kill())
        self.watchdog.daemon = True
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *WARNINGS, "-P", "-m", "dltricks.execution.child", "1"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
            )
        self.watchdog.start()

    def send(self, line: Any) -> None:
        assert self.process.stdin is not None
        text = line if isinstance(line, bytes) else json.dumps(line).encode()
        self.process.stdin.write(text + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Event:
        assert self.process.stdout is not None
        return decode(self.process.stdout.readline())

    def answer(self) -> list[Event]:
        """All events of a task but progress."""
        events: list[Event] = []
        while not events or not isinstance(events[-1], (Finished, Stopped, Lost)):
            event = self.hear()
            if not isinstance(event, Progress):
                events.append(event)
        return events

    def end(self) -> int:
        """Closes stdin; the exit code, and nothing more may have been said."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.stdout.read() == b""
        return self.process.wait()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    made = Child(tmp_path)
    yield made
    made.watchdog.cancel()
    made.process.kill()
    made.process.wait()
    for stream in (made.process.stdin, made.process.stdout):
        assert stream is not None
        stream.close()


def test_task_after_task(child: Child, tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 5)
    for task in tasks_of(runs, 2):
        child.send(task.to_json())
        events = child.answer()
        assert [event.run for event in events[:-1] if isinstance(event, Ended)] == [run.number for run in task.runs]
        assert events[-1] == Finished()
    assert child.end() == 0
    assert child.errors.read_text() == ""
    calm = seeds(tmp_path / "calm", 5)
    conduct(tasks_of(calm, 5))
    assert results(runs) == results(calm)


def test_what_plugins_print_and_read_is_kept_apart(child: Child, tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(READER)
    plugins = [write_fuse(tmp_path), tmp_path / "reader.py"]
    plan = [experiment(tmp_path, plugins, augmentation=["fuse", "reader"], batch_size="full", epochs=2)]
    task = Task(tuple(runs_of(tmp_path / "runs", plan))).to_json()
    # The second line lies in the pipe while the first is served.
    child.send(task)
    child.send({**task, "runs": []})
    assert [type(event) for event in child.answer()] == [Ended, Finished]
    assert child.answer() == [Finished()]
    assert child.end() == 0
    printed = child.errors.read_text().splitlines()
    assert sorted(printed) == sorted(["a plugin speaks", "written to stdout itself", "a child"] * 2)


BROKEN: list[tuple[Any, str]] = [
    (b"", "JSONDecodeError"),
    (b'{"runs": [', "JSONDecodeError"),
    (b"\xff\xfe", "UnicodeDecodeError"),
    ({}, "KeyError: 'data_dir'"),
    ([], "TypeError"),
    ({"runs": [{}], "data_dir": None}, "KeyError"),
]


def test_a_line_that_is_no_task_costs_only_itself(child: Child, tmp_path: Path) -> None:
    for line, reason in BROKEN:
        child.send(line)
        (event,) = child.answer()
        assert isinstance(event, Lost)
        assert event.reason.startswith(reason)
    child.send(Task(tuple(seeds(tmp_path / "runs", 1))).to_json())
    assert [type(event) for event in child.answer()] == [Ended, Finished]
    assert child.end() == 0
    assert child.errors.read_text().count("Traceback") >= len(BROKEN)


def test_refused_runs_are_told_one_by_one(child: Child, tmp_path: Path) -> None:
    task = Task(tuple(seeds(tmp_path / "runs", 4))).to_json()
    task["runs"][1]["hash"] = "0" * 64
    task["runs"][2]["config"]["dropuot"] = 0.5
    child.send(task)
    events = child.answer()
    assert [type(event) for event in events] == [Failed, Failed, Ended, Ended, Finished]
    first, second = events[:2]
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (first.run, first.error, first.code) == (1, "DamagedError", 4)
    assert first.message.endswith("have changed since this run was planned; plan anew")
    assert (second.run, second.error, second.code) == (2, "UsageError", 2)
    assert "dropuot" in second.message
    assert [event.run for event in events if isinstance(event, Ended)] == [0, 3]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"00", "03"}
    for run in task["runs"]:
        run["hash"] = "0" * 64
    child.send(task)
    assert [type(event) for event in child.answer()] == [*[Failed] * 4, Finished]
    assert child.end() == 0


def until_at_work(child: Child) -> None:
    while not isinstance(child.hear(), Progress):
        pass


@pytest.mark.parametrize("how", ["end of stdin", "SIGTERM", "SIGINT"])
def test_it_saves_before_it_leaves(child: Child, tmp_path: Path, how: str) -> None:
    if sys.platform == "win32" and how != "end of stdin":
        pytest.skip("Windows has no such signals")
    runs = seeds(tmp_path / "runs", 2, **LONG)
    child.send(Task(tuple(runs)).to_json())
    until_at_work(child)
    number: int = signal.SIGTERM
    if how == "end of stdin":
        assert child.process.stdin is not None
        child.process.stdin.close()
    else:
        number = getattr(signal, how)
        child.process.send_signal(number)
    (event,) = child.answer()
    assert isinstance(event, Stopped)
    assert event.signal == number
    # Even where more tasks could come, it does not wait for them.
    assert child.process.wait() == 0
    assert child.errors.read_text() == ""
    assert [len(checkpoint.numbers(run.path / "checkpoints")) for run in runs] == [1, 1]
    assert not any(lock.is_held(run.path) for run in runs)


def test_two_signals_end_it_at_once(child: Child, tmp_path: Path) -> None:
    """Also one that waits for tasks."""
    child.send({"runs": [], "data_dir": None})
    assert child.answer() == [Finished()]
    child.process.send_signal(signal.SIGTERM)
    while child.process.poll() is None:
        child.process.send_signal(signal.SIGTERM)
    # A third one may meet a process that takes none any more.
    assert child.process.wait() in (128 + signal.SIGTERM, -signal.SIGTERM)
    assert "Fatal" not in child.errors.read_text()


def test_nobody_listens_any_more(child: Child, tmp_path: Path) -> None:
    """Where both pipes have gone, as when the other process was killed, it saves all the same."""
    (run,) = seeds(tmp_path / "runs", 1, **LONG)
    child.send(Task((run,)).to_json())
    until_at_work(child)
    assert child.process.stdout is not None
    child.process.stdout.close()
    # Progress finds no listener before stdin ends.
    time.sleep(0.3)
    assert child.process.poll() is None
    assert child.process.stdin is not None
    child.process.stdin.close()
    child.process.wait()
    assert checkpoint.numbers(run.path / "checkpoints")
    assert "Traceback" not in child.errors.read_text()
