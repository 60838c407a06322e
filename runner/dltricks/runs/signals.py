"""Signals as something to look at between two steps, so that training ends where it can go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Signals:
    """The first signal is remembered in ``number``, for whoever trains to save and leave; a second leaves at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._listening = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes signals while inside. Entering it again inside changes nothing."""
        if self._listening or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in NUMBERS}
        # Who started us under nohup wants hang-ups ignored; a handler that is not Python's could not be put back.
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
        for number in before:
            signal.signal(number, self._take)
        self._listening = True
        try:
            yield
        finally:
            self._listening = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise SystemExit(128 + number)
        self.number = number
