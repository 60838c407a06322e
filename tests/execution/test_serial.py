from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from execution.plans import seeds

from dltricks.execution import serial
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Finished, Lost, Progress, Stopped
from dltricks.execution.serial import SerialExecutor
from dltricks.execution.task import Task
from dltricks.runs.signals import Signals

Heard = list[tuple[Task, Event]]


def heard_of(task: Task, signals: Signals) -> Heard:
    heard: Heard = []
    with SerialExecutor(signals, Datasets()) as executor:
        assert executor.slots == 1
        executor.submit(task)
        executor.wait(lambda task, event: heard.append((task, event)), 0.0)
    assert all(each[0] is task for each in heard)
    return heard


def test_a_task_is_trained_while_waiting(tmp_path: Path) -> None:
    task = Task(tuple(seeds(tmp_path / "runs", 2)))
    events = [event for _, event in heard_of(task, Signals())]
    assert [type(event) for event in events if not isinstance(event, Progress)] == [Ended, Ended, Finished]
    assert isinstance(events[-1], Finished)


def test_a_signal(tmp_path: Path) -> None:
    signals = Signals()
    signals.number = signal.SIGTERM
    events = [event for _, event in heard_of(Task(tuple(seeds(tmp_path / "runs", 1))), signals)]
    assert events[-1] == Stopped(
        signal.SIGTERM, "stopped by SIGTERM after 1 steps, in epoch 1 of 3; the same command goes on from there"
    )


def test_an_error_that_nobody_foresaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(serial, "train_stack", fail)
    task = Task(tuple(seeds(tmp_path / "runs", 1)))
    assert heard_of(task, Signals()) == [(task, Lost("RuntimeError: unforeseen"))]


def test_a_task_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later waits do nothing for as long as they are told."""
    slept: list[float] = []
    monkeypatch.setattr(serial, "time", SimpleNamespace(sleep=slept.append))
    heard: list[Event] = []
    executor = SerialExecutor(Signals(), Datasets())
    executor.wait(lambda task, event: heard.append(event), 0.5)
    executor.submit(Task(tuple(seeds(tmp_path / "runs", 1))))
    executor.wait(lambda task, event: heard.append(event), 0.25)
    assert slept == [0.5]
    executor.wait(lambda task, event: heard.append(event), 0.125)
    assert slept == [0.5, 0.125]
    assert sum(isinstance(event, Finished) for event in heard) == 1
