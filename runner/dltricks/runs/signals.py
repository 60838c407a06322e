"""Signals as something to look at between two steps, so that training ends where it can go on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Signals:
    """The first signal is remembered in ``number``, for whoever trains to save and leave; a second leaves at once.

    The end of a time that was set ends training in the same way.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self.deadline: float | None = None
        """When, on ``time.monotonic``, training is to be left as after Ctrl-C."""
        self._listening = False

    @property
    def number(self) -> int | None:
        """What asks to save and leave; None while nothing does."""
        return signal.SIGINT if self._number is None and self.expired else self._number

    @number.setter
    def number(self, number: int | None) -> None:
        self._number = number

    @property
    def expired(self) -> bool:
        """Whether the time is over and no signal has come."""
        return self._number is None and self.deadline is not None and time.monotonic() >= self.deadline

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
        if self._number is not None:
            raise SystemExit(128 + number)
        self.number = number
