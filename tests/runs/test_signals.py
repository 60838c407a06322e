from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from dltricks.runs.signals import NUMBERS, Signals


def test_the_first_is_remembered_and_a_second_leaves() -> None:
    signals = Signals()
    before = [signal.getsignal(n) for n in NUMBERS]
    with signals.listening():
        assert signals.number is None
        signal.raise_signal(signal.SIGINT)
        assert signals.number == signal.SIGINT
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(signal.SIGTERM)
        assert caught.value.code == 128 + signal.SIGTERM
    assert [signal.getsignal(n) for n in NUMBERS] == before


def test_listening_within_listening_changes_nothing() -> None:
    signals = Signals()
    with signals.listening():
        during = [signal.getsignal(n) for n in NUMBERS]
        with signals.listening():
            pass
        assert [signal.getsignal(n) for n in NUMBERS] == during
        signal.raise_signal(signal.SIGTERM)
    assert signals.number == signal.SIGTERM


def test_handlers_that_are_not_pythons_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr("dltricks.runs.signals.signal.getsignal", lambda number: None)
    monkeypatch.setattr("dltricks.runs.signals.signal.signal", lambda number, handler: taken.append(number))
    with Signals().listening():
        pass
    assert taken == []


def test_only_the_main_thread_listens() -> None:
    before = [signal.getsignal(n) for n in NUMBERS]
    during: list[Any] = []

    def work() -> None:
        with Signals().listening():
            during.extend(signal.getsignal(n) for n in NUMBERS)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert during == before
